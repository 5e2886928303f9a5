"""A real browser: Chromium through Playwright, with a synthetic clip as the camera."""

import dataclasses
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fststyle.arrays import RGB

WIDTH, HEIGHT = 320, 240


def _chromium() -> str | None:
    return os.environ.get("FSTSTYLE_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def camera_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A y4m clip of 320x240 pixels: a disc moves over patches, 30 frames at 30 fps."""
    import cv2

    path = tmp_path_factory.mktemp("camera") / "clip.y4m"
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F30:1 Ip A1:1 C420jpeg\n".encode())
        for index in range(30):
            file.write(b"FRAME\n" + cv2.cvtColor(scene(index), cv2.COLOR_RGB2YUV_I420).tobytes())
    return path


def scene(index: int, width: int = WIDTH, height: int = HEIGHT) -> RGB:
    """A frame of the clip: red increases to the right, blue to the left, with patches. A smooth ground is not
    suitable, since instance norm amplifies rounding errors in it.
    """
    import cv2

    across, down = np.meshgrid(np.linspace(40, 215, width), np.linspace(40, 215, height))
    ground = np.stack([across, down, 255 - across], -1)
    patches = np.random.default_rng(5).uniform(-40, 40, (15, 20, 3))
    frame = (ground + cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC)).clip(0, 255)
    frame = np.ascontiguousarray(frame.astype(np.uint8))
    center = (int(width * (0.2 + 0.6 * index / 30)), height // 2)
    cv2.circle(frame, center, height // 4, (250, 220, 40), -1)
    return frame


# Scope module: while Playwright runs, this thread has an asyncio loop, and other tests cannot start one.
@pytest.fixture(scope="module")
def chromium(camera_clip: Path) -> Iterator[Callable[..., Any]]:
    """Starts a browser: ``chromium(*arguments, clip=..., camera=True)``."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="needs the extra test: pip install '.[test]'"
    )
    path = _chromium()
    if path is None:
        pytest.skip("no chromium is installed")
    started: list[Any] = []
    with playwright.sync_playwright() as driver:

        def start(*arguments: str, clip: Path = camera_clip, camera: bool = True) -> Any:
            fake = (
                ("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={clip}")
                if camera
                else ()
            )
            # The sandbox cannot be set up by root in a container.
            sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
            browser = driver.chromium.launch(executable_path=path, args=[*fake, *sandbox, *arguments])
            started.append(browser)
            return browser

        yield start
        for browser in started:
            browser.close()


@pytest.fixture(scope="module")
def browser(chromium: Callable[..., Any]) -> Any:
    """A browser with a camera."""
    return chromium()


class Watched:
    """Pages whose requests and errors are noted. ``allowed`` are errors that a test expects."""

    def __init__(self, browser: Any, home: str):
        self.browser, self.home = browser, home
        self.contexts: list[Any] = []
        self.outside: list[str] = []
        self.errors: list[str] = []

    def open(self, path: str, *, camera: bool = True, **context: Any) -> Any:
        """A page in a new context."""
        permissions = ["camera"] if camera else []
        opened = self.browser.new_context(permissions=permissions, accept_downloads=True, **context)
        opened.set_default_timeout(60_000)
        self.contexts.append(opened)
        opened.on("request", self._requested)
        page = opened.new_page()
        page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(self.home + path)
        return page

    def _requested(self, request: Any) -> None:
        if not request.url.startswith((self.home, "blob:", "data:")):
            self.outside.append(request.url)

    def close(self) -> None:
        for context in self.contexts:
            context.close()


@pytest.fixture
def watch() -> Iterator[Callable[[Any, str], Watched]]:
    """``watch(browser, home)`` opens pages.

    A request to another address than ``home``, or an error in the console, fails the test at its end.
    """
    made: list[Watched] = []

    def start(browser: Any, home: str) -> Watched:
        made.append(Watched(browser, home))
        return made[-1]

    yield start
    for watched in made:
        watched.close()
        assert watched.outside == []
        assert watched.errors == []


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The application with the included styles, on a free port. The value is its address."""
    pytest.importorskip("fastapi", reason="needs the extra web: pip install '.[web]'")
    uvicorn = pytest.importorskip("uvicorn", reason="needs the extra web: pip install '.[web]'")
    from fststyle.web.app import create_app
    from fststyle.web.settings import ServeSettings

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    settings = dataclasses.replace(ServeSettings(), folder=tmp_path_factory.mktemp("serve"), port=port)
    program = uvicorn.Server(
        uvicorn.Config(create_app(settings), host="127.0.0.1", port=port, log_level="warning", lifespan="on")
    )
    thread = threading.Thread(target=program.run, daemon=True)
    thread.start()
    while not program.started and thread.is_alive():
        thread.join(0.05)
    yield f"http://127.0.0.1:{port}"
    program.should_exit = True
    thread.join(10)
