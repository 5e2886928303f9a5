"""Firefox, and WebKitGTK with the engine of Safari, through WebDriver: pages, stylization and filter."""

import functools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import fststyle

from .conftest import scene
from .test_live import compare, in_browser

pytestmark = [
    pytest.mark.slow,
    # selenium's class for WebKitGTK uses an argument that selenium deprecates
    pytest.mark.filterwarnings("ignore:setting remote_server_addr:DeprecationWarning"),
]

PATHS = ("/", "/styles/great-wave", "/paint", "/train", "/rate", "/api", "/learn", "/live", "/devices")


class Page:
    """A tab of a browser, with the few methods of Playwright's page that the tests need."""

    def __init__(self, driver: Any, home: str):
        self.driver, self.home = driver, home

    def goto(self, path: str) -> None:
        self.driver.get(self.home + path)

    def evaluate(self, script: str, argument: Any = None) -> Any:
        """The result of an asynchronous function in the page."""
        call = "const [value, done] = arguments; "
        call += (
            f"({script})(value).then(result => done({{ result }}), error => done({{ error: `${{error}}` }}))"
        )
        answer = self.driver.execute_async_script(call, argument)
        assert "error" not in answer, answer["error"]
        return answer.get("result")

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def wait(self, expression: str) -> None:
        """Wait until an expression is true in the page."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, 120).until(
            lambda driver: driver.execute_script(f"return {expression}"), expression
        )


def _firefox(webdriver: Any, folder: Path) -> Any:
    program = shutil.which("firefox") or shutil.which("firefox-esr")
    driver = shutil.which("geckodriver")
    if program is None or driver is None:
        pytest.skip(f"{'Firefox' if program is None else 'geckodriver'} is not installed")
    options = webdriver.FirefoxOptions()
    options.binary_location = program
    options.add_argument("-headless")
    options.set_preference("media.navigator.streams.fake", True)
    options.set_preference("media.navigator.permission.disabled", True)
    options.set_preference("browser.download.folderList", 2)
    options.set_preference("browser.download.dir", str(folder))
    return webdriver.Firefox(options=options, service=webdriver.FirefoxService(driver))


def _webkit(webdriver: Any, folder: Path, display: Callable[[], str]) -> Any:
    driver = shutil.which("WebKitWebDriver")
    if driver is None:
        pytest.skip("WebKitWebDriver is not installed")
    options = webdriver.WebKitGTKOptions()
    for argument in ("--automation", "--enable-media-stream=true", "--enable-mock-capture-devices=true"):
        options.add_argument(argument)
    # WebKitGTK has SharedArrayBuffer, and so threads of WebAssembly, with this variable only.
    environment = {**os.environ, "DISPLAY": display(), "JSC_useSharedArrayBuffer": "1"}
    service = webdriver.webkitgtk.service.Service(driver, env=environment)
    return webdriver.WebKitGTK(options=options, service=service)


@pytest.fixture(scope="module")
def display() -> Iterator[Callable[[], str]]:
    """Start a virtual screen. Returns its name."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> str:
        program = shutil.which("Xvfb")
        if program is None:
            pytest.skip("Xvfb is not installed")
        read, write = os.pipe()
        command = [program, "-displayfd", str(write), "-screen", "0", "1600x1200x24"]
        started.append(subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL))
        os.close(write)
        with os.fdopen(read) as answer:
            return f":{answer.readline().strip()}"

    yield start
    for process in started:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module", params=["firefox", "webkit"])
def page(
    request: pytest.FixtureRequest,
    server: str,
    display: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Page]:
    webdriver = pytest.importorskip(
        "selenium.webdriver", reason="needs the extra test: pip install '.[test]'"
    )
    start = {"firefox": _firefox, "webkit": functools.partial(_webkit, display=display)}[request.param]
    driver = start(webdriver, tmp_path_factory.mktemp("downloads"))
    driver.set_script_timeout(180)
    driver.set_window_size(1440, 900)
    yield Page(driver, server)
    driver.quit()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.fromarray(scene(5, 200, 120)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.mark.parametrize("width", [1440, 390])
def test_pages_fit_the_window(page: Page, width: int) -> None:
    page.driver.set_window_size(width, 900)
    for path in PATHS:
        page.goto(path)
        inner, needed = page.driver.execute_script(
            "return [innerWidth, document.documentElement.scrollWidth]"
        )
        assert needed <= inner, path
        assert page.driver.execute_script("return crossOriginIsolated")
    page.driver.set_window_size(1440, 900)


def test_photo_is_painted_and_compared(page: Page, photo: Path) -> None:
    page.goto("/paint?style=great-wave")
    page.find("#files").send_keys(str(photo))
    page.wait("document.querySelector('#compare.painted')")
    assert "200 \u00d7 120 pixels" in page.find("#facts").text
    page.find("#position").send_keys("\ue014" * 30)  # the right arrow key
    assert page.find("#after").value_of_css_property("clip-path") == "inset(0px 0px 0px 30%)"


def test_filter_gives_the_pixels_of_the_runtime(page: Page) -> None:
    page.goto("/live")
    picture = scene(7, 101, 67)
    painted, info = in_browser(
        page, page.home, [("udnie", 1)], picture, backend="wasm", float=True, threads=2
    )
    assert (info["backend"], info["threads"], info["precision"]) == ("wasm", 2, "float")
    mean, largest = compare(painted, fststyle.load_style("udnie", device="cpu", precision="float")(picture))
    assert mean < 0.02
    assert largest <= 2


def test_camera_is_stylized_and_recorded(page: Page) -> None:
    page.goto("/live?style=starry-night&threads=2")
    page.wait("document.querySelector('[data-ready]')")
    page.find("[data-do=start]").click()
    page.wait("document.querySelector('.filter-status').dataset.fps > 0")
    assert "WebAssembly, 2 threads" in page.find(".filter-status").text
    if page.find("[data-do=record]").is_enabled():  # needs a video encoder
        page.find("[data-do=record]").click()
        page.wait("document.querySelector('[data-value=recorded]').textContent.startsWith('0:01')")
        page.find("[data-do=record]").click()
        page.wait(
            "/Saved: starry-night-.*(mp4|webm)/.test(document.querySelector('.filter-notice').textContent)"
        )
    page.find("[data-do=stop]").click()


def test_pair_is_rated_with_the_keyboard(page: Page) -> None:
    page.goto("/rate")
    page.wait("document.querySelector('.duel')")
    before = page.driver.execute_script("return document.querySelector('.duel').getAttribute('hx-post')")
    page.find("body").send_keys("\ue012")  # the left arrow key
    page.wait(f"document.querySelector('.duel').getAttribute('hx-post') !== {before!r}")
    assert "vote" in page.find(".ranking").text


def test_lesson_is_computed(page: Page) -> None:
    page.goto("/learn")
    page.wait("document.querySelector('.learn[data-ready]')")
    page.driver.execute_script("document.querySelector('#layers').scrollIntoView()")
    page.wait("document.querySelectorAll('.activations canvas').length === 12")
    page.wait("!document.querySelector('#layers').hasAttribute('aria-busy')")
    assert not page.find(".learn .error").is_displayed()
    values = page.driver.execute_script(
        "const canvas = document.querySelector('.activations canvas');"
        "return [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]"
    )
    assert np.std(np.reshape(values, (-1, 4))[:, :3]) > 5
