"""The painting pool: a bounded queue, and no work for clients that have disconnected."""

import asyncio
import io

import pytest

pytest.importorskip("fastapi", reason="needs the extra web: pip install '.[web]'")

from fststyle.errors import InputError
from fststyle.runtime.settings import ImageSettings
from fststyle.web import painting
from fststyle.web.errors import BusyError
from fststyle.web.painting import PaintingPool


@pytest.fixture
def pool(style_folder):
    pool = PaintingPool()
    yield pool
    pool.close()


def test_disconnected_client_is_skipped(pool, picture, monkeypatch):
    async def left():
        return True

    monkeypatch.setattr(pool, "paint_now", lambda *_: pytest.fail("it paints"))
    with pytest.raises(InputError, match="disconnected"):
        asyncio.run(pool.paint(io.BytesIO(picture()), ImageSettings(style="invert"), None, left))


def test_too_many_pictures_are_refused(pool, picture, monkeypatch):
    monkeypatch.setattr(painting, "WAITING", 3)
    files = [io.BytesIO(picture()) for _ in range(8)]

    async def all_at_once():
        settings = ImageSettings(style="invert")
        return await asyncio.gather(*(pool.paint(f, settings) for f in files), return_exceptions=True)

    found = asyncio.run(all_at_once())
    assert sum(isinstance(one, BusyError) for one in found) == 5
    assert sum(hasattr(one, "content") for one in found) == 3


def test_few_styles_stay_loaded(pool, style_folder, picture, monkeypatch):
    monkeypatch.setattr(painting, "LOADED", 1)
    first = pool.style(ImageSettings(style="invert"))
    assert pool.style(ImageSettings(style="invert")) is first
    pool.style(ImageSettings(style="norm"))
    assert pool.style(ImageSettings(style="invert")) is not first
