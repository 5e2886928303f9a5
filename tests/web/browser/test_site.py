"""The exported site on a static host that sets no headers, in a subfolder, as free hosting services do."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import fststyle
from fststyle.export.site import export_site
from fststyle.export.site_settings import SiteSettings

from .conftest import scene
from .test_live import compare, status, stylizing

pytestmark = pytest.mark.slow


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the site."""
    root = tmp_path_factory.mktemp("host")
    settings = SiteSettings(output=root / "user" / "filter", title="Our school")
    export_site(["udnie", "starry-night"], settings)
    handler = functools.partial(_Quiet, directory=root)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as host:
        thread = threading.Thread(target=host.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{host.server_port}/user/filter"
        host.shutdown()
        thread.join()


def test_camera_is_stylized_with_threads(browser: Any, site: str, watch: Any) -> None:
    """The service worker isolates the page, so that WebAssembly has threads."""
    page = watch(browser, site).open("/?style=starry-night&threads=2")
    # The page is reloaded when the service worker is ready.
    page.locator("body").evaluate("() => navigator.serviceWorker.ready.then(() => null)")
    page.wait_for_timeout(500)
    page.wait_for_selector("[data-ready]")
    assert page.evaluate("crossOriginIsolated")
    assert page.get_by_role("heading", name="Our school").is_visible()
    page.get_by_role("button", name="Start the camera").click()
    stylizing(page)
    status(page, "WebAssembly, 2 threads")


def test_without_a_service_worker_one_thread_gives_the_same_pixels(
    browser: Any, site: str, watch: Any, tmp_path: Path
) -> None:
    photo = scene(11, 140, 100)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    page = watch(browser, site).open("/?style=udnie", service_workers="block")
    page.wait_for_selector("[data-ready]")
    assert not page.evaluate("crossOriginIsolated")
    page.locator("input[type=file]").set_input_files(tmp_path / "photo.png")
    status(page, "WebAssembly, 1 thread")
    page.get_by_label("Strength").press("ArrowLeft")
    status(page, "float")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save image").click()
    with Image.open(download.value.path()) as picture:
        painted = np.asarray(picture.convert("RGB"))
    mean, largest = compare(painted, fststyle.load_style("udnie", device="cpu", strength=0.95)(photo))
    assert mean < 0.05
    assert largest <= 3
