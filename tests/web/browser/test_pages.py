"""The pages in a real browser: no errors, no requests to other machines, accessible, usable with the
keyboard.
"""

import contextlib
import importlib.util
import io
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests import styles
from tests.clips import write
from tests.web.conftest import Server, pixels

pytest.importorskip("fastapi", reason="needs the extra web: pip install '.[web]'")

pytestmark = pytest.mark.slow

AXE = Path(__file__).parents[1] / "vendor" / "axe.min.js"
PAGES = (
    *("/", "/styles/great-wave", "/paint", "/train", "/rate", "/api", "/learn", "/live", "/devices"),
    "/nothing",
)
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`fststyle serve` with the included styles and `invert`. The value is its address."""
    folder = tmp_path_factory.mktemp("serve")
    styles.save(folder, "invert", styles.inverting())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FSTSTYLE_STYLES", str(folder))
        server = Server(folder / "data", "--requests-per-minute", "100000")
    yield server.address
    assert "Traceback" not in server.end()


@pytest.fixture
def open_page(browser: Any, watch: Callable[[Any, str], Any], home: str) -> Callable[..., Any]:
    """Opens a page of the server; its errors and its requests to other machines fail the test."""
    watched = watch(browser, home)

    def start(path: str, size: str = "desktop", **context: Any) -> Any:
        width, height = SIZES[size]
        page = watched.open(path, viewport={"width": width, "height": height}, **context)
        page.watched = watched
        return page

    return start


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "holiday.png"
    Image.fromarray(styles.photo(120, 200)).save(path)
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("path", PAGES)
def test_pages_are_complete_and_accessible(open_page, path, size, scheme):
    page = open_page("/api", size, color_scheme=scheme, reduced_motion="reduce")
    with page.expect_response(lambda response: response.url.endswith(path)) as response:
        page.goto(page.watched.home + path, wait_until="load")
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    assert page.evaluate("crossOriginIsolated")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then(({ violations }) => violations)")
    told = [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found]
    assert told == []
    if response.value.status == 404:  # chromium notes it in the console
        page.watched.errors = [text for text in page.watched.errors if "404" not in text]


def test_photo_is_painted_compared_and_downloaded(open_page, photo):
    page = open_page("/paint?style=invert")
    page.set_input_files("#files", photo)
    page.wait_for_selector("#compare.painted")
    assert "200 \u00d7 120 pixels" in page.text_content("#facts")
    page.focus("#position")
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("getComputedStyle(document.querySelector('#after')).clipPath") == (
        "inset(0px 0px 0px 30%)"
    )
    with page.expect_download() as download:
        page.click("#download")
    assert download.value.suggested_filename == "holiday-invert.png"
    painted = pixels(Path(download.value.path()).read_bytes())
    assert (painted == 255 - styles.photo(120, 200)).all()


def test_settings_change_the_picture(open_page, photo):
    page = open_page("/paint?style=great-wave")
    page.set_input_files("#files", photo)
    page.wait_for_selector("#compare.painted")
    sent = []
    page.on("request", lambda request: "/api/paint" in request.url and sent.append(request.post_data))
    for change in (
        lambda: page.evaluate(
            "() => { const s = document.querySelector('#strength'); s.value = 0.5;"
            " s.dispatchEvent(new Event('input', { bubbles: true })); }"
        ),
        lambda: page.check("#keep-colors"),
        lambda: page.uncheck("#brush-auto"),
        lambda: page.check("#mix"),
        lambda: page.click(".thumb[value=the-scream]"),
    ):
        before = page.get_attribute("#after", "src")
        change()
        page.wait_for_function("before => document.querySelector('#after').src !== before", arg=before)
    assert page.is_hidden("#problem")
    assert page.locator("#shares input").count() == 2
    assert "The Scream" in page.text_content("#shares")
    page.locator("#shares input").first.press("End")
    assert [output.text_content() for output in page.locator("#shares output").all()] == ["67 %", "33 %"]
    assert page.is_disabled(".thumb[value=starry-night-johnson]")  # of another network


def test_wrong_input_is_reported(open_page, tmp_path):
    (tmp_path / "no.png").write_bytes(b"no picture")
    page = open_page("/paint?style=invert")
    page.set_input_files("#files", tmp_path / "no.png")
    page.wait_for_selector("#problem:not([hidden])")
    assert page.text_content("#problem") == "The file is not an image that can be read."
    assert page.is_visible("#start")
    page.watched.errors = [text for text in page.watched.errors if "422" not in text]


def test_photo_of_the_camera(open_page):
    page = open_page("/paint?style=invert")
    page.click("#camera-open")
    page.wait_for_function("() => document.querySelector('#camera-view').videoWidth > 0")
    page.click("#camera-take")
    page.wait_for_selector("#compare.painted")
    assert "320 \u00d7 240" in page.text_content("#facts")


def test_batch_of_photos(open_page, tmp_path):
    for number in range(3):
        Image.fromarray(styles.photo(60, 80, number)).save(tmp_path / f"photo-{number}.png")
    page = open_page("/paint?style=invert", "phone")
    page.set_input_files("#files", sorted(tmp_path.glob("photo-*.png")))
    page.click("#batch-start")
    page.wait_for_selector(".job[data-state=done]")
    with page.expect_download() as download:
        page.click(".job .job-download")
    with zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as archive:
        assert archive.namelist() == ["photo-0.png", "photo-1.png", "photo-2.png"]
    dialogs = []
    page.once("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.click(".job .job-remove")
    page.wait_for_timeout(600)
    assert page.locator(".job").count() == 1
    assert dialogs == ["Remove 3 photos? Its files are deleted."]
    page.once("dialog", lambda dialog: dialog.accept())
    page.click(".job .job-remove")
    page.wait_for_selector(".job", state="detached")


def test_all_tabs_of_a_browser_show_its_jobs(open_page, photo, home):
    page = open_page("/paint?style=invert")
    other = page.context.new_page()
    other.goto(f"{home}/paint")
    page.set_input_files("#files", [photo, photo])
    page.click("#batch-start")
    for tab in (page, other):
        tab.wait_for_selector(".job[data-state=done]")
        assert tab.is_visible(".job .job-download")
    page.once("dialog", lambda dialog: dialog.accept())
    page.click(".job .job-remove")
    for tab in (page, other):
        tab.wait_for_selector(".job", state="detached")
        assert tab.is_hidden("#jobs")


def test_jobs_of_other_visitors_are_shown_on_request(open_page, photo):
    page = open_page("/paint?style=invert")
    page.set_input_files("#files", [photo, photo])
    page.click("#batch-start")
    page.wait_for_selector(".job[data-state=done]")
    other = open_page("/paint")
    other.wait_for_selector("[data-others]:visible")
    assert other.locator(".job").count() == 0
    other.click("text=Show 1 by other visitors")
    other.wait_for_selector(".job[data-state=done]")
    assert other.is_visible("text=added by another visitor")
    dialogs = []
    other.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.accept()))
    other.click(".job .job-remove")
    other.wait_for_selector(".job", state="detached")
    page.wait_for_selector(".job", state="detached")
    assert dialogs == ["Remove 2 photos? Another visitor added it. Its files are deleted."]


def test_video_with_preview_and_cancel(open_page, tmp_path):
    write(tmp_path / "clip.mp4", list(range(0, 1000, 40)))
    write(tmp_path / "long.mp4", list(range(0, 60_000, 40)), size=(240, 320))
    page = open_page("/paint?style=great-wave")
    page.set_input_files("#files", tmp_path / "clip.mp4")
    page.click("#batch-start")
    page.wait_for_selector(".job[data-state=done] .job-video:not([hidden])")
    page.wait_for_function("() => document.querySelector('.job-video').readyState >= 1")
    assert "25 frames" in page.text_content(".job .job-facts")

    page.set_input_files("#files", tmp_path / "long.mp4")
    page.click("#batch-start")
    page.wait_for_selector(".job[data-state=running] .job-preview:not([hidden])")
    page.click(".job[data-state=running] .job-stop")
    page.wait_for_selector(".job[data-state=stopped]")
    page.reload()  # the list is that of the server
    page.wait_for_selector(".job[data-state=stopped]")


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs the [train] extra")
def test_many_waiting_jobs_leave_connections_for_other_requests(open_page, home, photo, tmp_path):
    """A browser allows six connections to a server."""
    write(tmp_path / "long.mp4", list(range(0, 60_000, 40)), size=(240, 320))
    video = (tmp_path / "long.mp4").read_bytes()
    page = open_page("/paint?style=starry-night")
    for _ in range(8):
        response = page.request.post(
            f"{home}/api/jobs",
            headers={"Origin": home},
            multipart={
                "style": "starry-night",
                "files": {"name": "long.mp4", "mimeType": "video/mp4", "buffer": video},
            },
        )
        assert response.status == 202, response.text()
    page.reload()
    page.wait_for_selector(".job[data-state=running]")
    page.set_input_files("#files", photo)
    page.wait_for_selector("#compare.painted", timeout=20_000)
    assert page.locator(".job[data-state=queued]").count() >= 6
    for job in page.request.get(f"{home}/api/jobs").json():
        page.request.post(f"{home}/api/jobs/{job['id']}/stop", headers={"Origin": home})


def test_painting_is_trained_to_a_style(open_page, tmp_path):
    """Train, publish, stylize, rate and download, as a user does, with three seconds of training."""
    Image.fromarray(styles.photo(96, 128)).resize((512, 384)).save(tmp_path / "My Painting.png")
    page = open_page("/train")
    page.context.set_default_timeout(300_000)
    page.set_input_files("#painting", tmp_path / "My Painting.png")
    assert page.input_value("#name") == "my-painting"
    page.fill("[name=title]", "Mine")
    page.fill("[name=minutes]", "0.05")
    page.click("#start")
    page.wait_for_url("**/train/*")
    page.click("#publish:not([hidden]) button")
    page.wait_for_url("**/styles/my-painting", wait_until="load")
    assert page.text_content("h1") == "Mine"
    page.click("[aria-label='5 stars']")
    page.wait_for_selector("text=Thank you.")
    with page.expect_download() as download:
        page.click("text=Download .onnx")
    assert download.value.suggested_filename == "my-painting.onnx"
    page.goto(page.watched.home + "/paint?style=my-painting")
    page.click(".example")
    page.wait_for_selector("#compare.painted")


def test_page_works_with_the_keyboard_only(open_page):
    page = open_page("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Add a style"
    page.goto(page.watched.home + "/paint?style=invert")
    page.focus(".example")
    page.keyboard.press("Enter")
    page.wait_for_selector("#compare.painted")
    page.focus(".thumb[value=great-wave]")
    before = page.get_attribute("#after", "src")
    page.keyboard.press("Space")
    page.wait_for_function("before => document.querySelector('#after').src !== before", arg=before)
    assert page.get_attribute(".thumb[value=great-wave]", "aria-pressed") == "true"


def test_search_sort_upload_and_delete(open_page, tmp_path):
    page = open_page("/")
    page.fill("#q", "gogh starry")
    page.wait_for_function("() => document.querySelectorAll('.card').length === 2")
    page.fill("#q", "")
    page.select_option("#sort", "year")
    page.wait_for_function(
        "() => document.querySelector('.card h2').textContent.trim() === 'The Great Wave off Kanagawa'"
    )
    (tmp_path / "bad.onnx").write_bytes(b"bad")
    (tmp_path / "soft.onnx").write_bytes(styles.pointwise(1, 30))
    page.click("summary")
    page.set_input_files("[name=file]", tmp_path / "bad.onnx")
    page.click("text=Upload")
    page.wait_for_selector("#toast.shown")
    assert "damaged or not an ONNX file" in page.text_content("#toast")
    page.set_input_files("[name=file]", tmp_path / "soft.onnx")
    page.click("text=Upload")
    page.wait_for_selector("[aria-label='Delete soft']")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("[aria-label='Delete soft']")
    page.wait_for_selector("[aria-label='Delete soft']", state="detached")
    page.watched.errors = [text for text in page.watched.errors if "422" not in text]


def test_search_stays_on_the_way_back(open_page):
    page = open_page("/")
    page.fill("#q", "leger formes")
    page.fill("#q", "leger")
    page.wait_for_function("() => document.querySelectorAll('.card').length === 1")
    page.wait_for_url("**/?q=leger")
    page.select_option("#sort", "name")
    page.wait_for_url("**/?q=leger&sort=name")
    page.click(".card h2 a")
    page.wait_for_url("**/styles/*")
    page.go_back()
    page.wait_for_selector(".card")
    assert page.input_value("#q") == "leger"
    assert page.locator(".card").count() == 1
    page.click(".card h2 a")
    page.wait_for_url("**/styles/*")
    page.click(".crumb a")
    page.wait_for_url("**/?q=leger&sort=name")
    assert page.locator(".card").count() == 1


def test_key_counts_as_soon_as_a_pair_is_shown(open_page):
    page = open_page("/rate")
    page.wait_for_selector(".duel")
    before = len(page.request.get(f"{page.watched.home}/api/votes.json").json())
    page.evaluate(
        """() => {
          const press = () => document.body.dispatchEvent(
            new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
          let pairs = 0;
          new MutationObserver(() => { if (pairs++ < 3) press(); })
            .observe(document.querySelector("#comparison"), { childList: true });
          press();
        }"""
    )
    page.wait_for_selector(f"text={before + 4} votes.")
    assert page.url.endswith("/rate")


def test_stars_and_blind_votes(open_page):
    page = open_page("/rate")
    before = len(page.request.get(f"{page.watched.home}/api/votes.json").json())
    for key, count in (("ArrowLeft", before + 1), ("ArrowRight", before + 2), ("Space", before + 3)):
        page.wait_for_selector(".duel")
        page.keyboard.press(key)
        page.wait_for_selector(f".ranking >> text={count} vote{'s' * (count > 1)}.")
    assert page.locator(".ranking tbody tr").count() >= 2
    page.goto(page.watched.home + "/styles/udnie")
    page.click("[aria-label='4 stars']")
    page.wait_for_selector("text=Thank you.")
    page.goto(page.watched.home + "/")
    card = page.locator(".card", has=page.locator("a[href='/styles/udnie']")).first
    assert "4.0" in card.text_content()


def test_slow_response_does_not_replace_a_newer_one(open_page, photo):
    page = open_page("/paint?style=invert")
    held = []
    page.route("**/api/paint", lambda route: held.append(route) if not held else route.continue_())
    page.set_input_files("#files", photo)
    while not held:
        page.wait_for_timeout(20)
    page.click(".thumb[value=great-wave]")
    page.wait_for_selector("#compare.painted")
    newer = page.get_attribute("#after", "src")
    with contextlib.suppress(Exception):  # the page has given the request up
        held[0].continue_()
    page.wait_for_timeout(400)
    assert page.get_attribute("#after", "src") == newer
    assert page.is_hidden("#busy")


def test_time_from_click_to_picture(open_page, tmp_path, record_property):
    """Records the time for a photo of 1920x1080 pixels in a JUnit report. There is no limit."""
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 255, (27, 48, 3), dtype=np.uint8)).resize((1920, 1080))
    smooth.save(tmp_path / "photo.jpg", quality=92)
    page = open_page("/paint?style=great-wave")
    page.set_input_files("#files", tmp_path / "photo.jpg")
    page.wait_for_selector("#compare.painted")
    seconds = []
    for name in ("water-lilies", "great-wave", "water-lilies"):
        before, begin = page.get_attribute("#after", "src"), time.perf_counter()
        page.click(f".thumb[value={name}]")
        page.wait_for_function("before => document.querySelector('#after').src !== before", arg=before)
        seconds.append(time.perf_counter() - begin)
    told = re.search(r"in ([\d.]+) s", page.text_content("#facts"))
    record_property("click_to_picture_1080p", min(seconds))
    assert told is not None
    assert float(told[1]) > 0


def test_phone_uses_a_server_on_the_network(browser, watch, tmp_path):
    """By the network address of this machine, which is not a secure context: browsers send fewer headers."""
    styles.save(tmp_path, "invert", styles.inverting())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FSTSTYLE_STYLES", str(tmp_path))
        server = Server(tmp_path / "data", "--host", "0.0.0.0", "--token", "0123456789abcdef")
    if server.address.startswith("http://127."):
        server.end()
        pytest.skip("this machine is in no network")
    watched = watch(browser, server.address)
    page = watched.open("/paint", viewport={"width": 390, "height": 844})
    assert page.url.endswith("/login")
    for token, place in (("fedcba9876543210", "/login"), ("0123456789abcdef", "/")):
        page.fill("[name=token]", token)
        page.click("text=Log in >> nth=-1")
        page.wait_for_url(f"{server.address}{place}", wait_until="load")
    page.goto(f"{server.address}/paint?style=invert")
    assert not page.evaluate("isSecureContext")
    page.click(".example")
    page.wait_for_selector("#compare.painted")
    page.goto(f"{server.address}/rate")
    page.click(".duel-actions button")
    page.wait_for_selector("text=1 vote.")
    # Chromium reports that it ignores policies of insecure addresses, and that a token was wrong.
    watched.errors = [
        text for text in watched.errors if "Cross-Origin-Opener-Policy" not in text and "401" not in text
    ]
    assert "Traceback" not in server.end()


def test_sample_has_a_placeholder_until_it_is_loaded(open_page):
    page = open_page("/api")
    waiting: list[Any] = []
    page.route("**/samples/*.jpg*", lambda route: waiting.append(route))
    page.goto(page.watched.home + "/?q=invert", wait_until="domcontentloaded")
    picture = page.locator(".card .picture").first
    placeholder = picture.evaluate("element => getComputedStyle(element, '::before').content")
    assert placeholder == '"Painting the sample…"'
    page.wait_for_timeout(500)
    assert len(waiting) == 1
    before = picture.screenshot()
    waiting[0].continue_()
    picture.locator("img").first.evaluate("image => image.decode()")
    with Image.open(io.BytesIO(before)) as empty, Image.open(io.BytesIO(picture.screenshot())) as full:
        assert len(set(empty.convert("L").resize((8, 8)).tobytes())) < len(
            set(full.convert("L").resize((8, 8)).tobytes())
        )
