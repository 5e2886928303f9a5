import math
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from fststyle import memory
from fststyle.errors import InputError, StyleError
from fststyle.runtime import instance_norm, tiles
from fststyle.runtime.style import Style
from tests import styles


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.mean((a.astype(float) - b.astype(float)) ** 2)
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


@pytest.mark.parametrize(
    ("height", "width", "side"),
    [(100, 200, 64), (512, 512, 128), (17, 1000, 64), (129, 65, 64), (64, 64, 64), (143, 16, 128)],
)
def test_grid_covers_each_pixel_once(height: int, width: int, side: int) -> None:
    count = np.zeros((height, width), int)
    for t in tiles.grid(height, width, side, margin=24):
        count[t.keep_top : t.keep_bottom, t.keep_left : t.keep_right] += 1
        assert t.top % tiles.GRID == 0
        assert t.left % tiles.GRID == 0
        assert min(t.bottom - t.top, t.right - t.left) >= 16
        # Full overlap on every side, except at the border of the image.
        assert t.top == max(0, t.keep_top - 24) // tiles.GRID * tiles.GRID
        assert t.right == min(width, t.keep_right + 24)
    assert (count == 1).all()


def test_tiles_begin_at_multiples_of_the_noise_period() -> None:
    found = list(tiles.grid(2000, 3000, 640, align=512))
    assert all(t.top % 512 == 0 and t.left % 512 == 0 for t in found)
    assert all(
        t.top <= max(0, t.keep_top - tiles.MARGIN) and t.left <= max(0, t.keep_left - tiles.MARGIN)
        for t in found
    )


@pytest.mark.parametrize(
    ("height", "width"), [(3000, 5000), (16, 60_000), (60_000, 16), (1500, 1400), (128, 128)]
)
def test_sample_is_bounded_and_spread(height: int, width: int) -> None:
    frame = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (height, width, 3))
    taken = tiles.sample(frame, pixels=500_000)
    assert taken.shape[0] * taken.shape[1] * taken.shape[2] <= 500_000
    if height * width <= 500_000:
        assert taken.shape == (1, height, width, 3)


def test_sample_tiles_are_different_places() -> None:
    frame = np.arange(400 * 600, dtype=np.uint32).reshape(400, 600, 1).repeat(3, 2)
    taken = tiles.sample(frame, pixels=120_000)  # type: ignore[arg-type]
    assert len(np.unique(taken[..., 0])) == taken[..., 0].size


@pytest.mark.parametrize("changes", [{}, {"half": True}, {"opset": 18}, {"norm": False}])
def test_tiles_equal_the_whole_where_the_sample_covers_it(changes: dict) -> None:
    style = Style("net", styles.network(**changes), "cpu", threads=1)
    for height, width in ((301, 417), (200, 999)):
        frame = styles.photo(height, width)
        whole, tiled = style(frame), tiles.TiledStyle(style)(frame, 128)
        assert np.abs(whole.astype(int) - tiled).max() <= 1
        assert psnr(whole, tiled) > 50


def test_tiles_have_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "SAMPLE_PIXELS", 200_000)
    style = Style("net", styles.network(), "cpu", threads=1)
    frame = styles.photo(768, 1024)
    tiled = tiles.TiledStyle(style)(frame, 256).astype(int)
    across, down = np.abs(np.diff(tiled, axis=1)).mean((0, 2)), np.abs(np.diff(tiled, axis=0)).mean((1, 2))
    seams = np.concatenate([across[[255, 511, 767]], down[[255, 511]]])
    assert seams.max() <= max(np.percentile(across, 99), np.percentile(down, 99))
    # The statistics come from a part of the image, which shifts the whole image slightly.
    assert psnr(style(frame), tiled) > 35


def test_tiles_with_own_statistics_differ() -> None:
    """Two graphs are needed because each tile would otherwise be normalized separately."""
    style = Style("net", styles.network(), "cpu", threads=1)
    frame = styles.photo(256, 256)
    frame[:, :128] //= 8
    whole = style(frame)
    assert psnr(whole[:, 128:], style(np.ascontiguousarray(frame[:, 128:]))) < 35
    assert psnr(whole, tiles.TiledStyle(style)(frame, 64)) > 45


def test_progress_is_reported() -> None:
    heard: list[tuple[int, int]] = []
    tiles.TiledStyle(Style("i", styles.inverting(), "cpu"))(
        styles.photo(128, 192), 64, lambda done, of: heard.append((done, of))
    )
    assert heard == [(i, 6) for i in range(1, 7)]


def test_networks_with_global_operators_are_refused() -> None:
    pooled = [
        helper.make_node("Cast", ["frame"], ["f"], to=1),
        helper.make_node("GlobalAveragePool", ["f"], ["g"]),
        helper.make_node("Sub", ["f", "g"], ["s"]),
        helper.make_node("Cast", ["s"], ["styled"], to=2),
    ]
    with pytest.raises(StyleError, match=r"GlobalAveragePool.*--tile off"):
        instance_norm.split(styles.model(pooled), "pooled")


def test_only_single_frames() -> None:
    tiled = tiles.TiledStyle(Style("i", styles.inverting(), "cpu"))
    with pytest.raises(InputError, match="one frame"):
        tiled(np.zeros((2, 32, 32, 3), np.uint8), 64)


def test_side_for(monkeypatch: pytest.MonkeyPatch) -> None:
    million = 1_000_000 * memory.BYTES_PER_PIXEL
    assert tiles.side_for(1000, 1000, "auto", million) is None
    side = tiles.side_for(1000, 1001, "auto", million)
    assert side is not None
    assert side % tiles.GRID == 0
    assert side == 256
    large = tiles.side_for(9000, 9000, "auto", 6 * million)
    assert large is not None
    assert 256 < large <= math.isqrt(6_000_000) - 2 * tiles.MARGIN - tiles.NOISE_PERIOD
    assert tiles.side_for(9000, 9000, "auto", 0) == 256
    assert tiles.side_for(9000, 9000, "off", 0) is None
    assert tiles.side_for(500, 700, "101") == 112
    assert tiles.side_for(500, 700, 1024) is None
    monkeypatch.setattr(memory, "available", lambda: 100 * memory.BYTES_PER_PIXEL)
    assert tiles.side_for(16, 16, "auto") == 256


@pytest.mark.parametrize("tile", ["on", "63", 0, "-5", "1.5", ""])
def test_bad_tile(tile: str | int) -> None:
    with pytest.raises(InputError, match="--tile"):
        tiles.side_for(100, 100, tile)


def test_available_memory_is_read() -> None:
    assert 0 < memory.limit() <= 4 << 30
    assert memory.limit() <= memory.available()


def test_unknown_memory_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for source in ("_linux", "_windows", "_container"):
        monkeypatch.setattr(memory, source, lambda: None)
    assert memory.available() > 0
    monkeypatch.setattr(memory, "_container", lambda: -1)
    assert memory.available() == 0


def test_memory_of_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {Path("/sys/fs/cgroup/memory.max"): "3000\n", Path("/sys/fs/cgroup/memory.current"): "1000\n"}
    monkeypatch.setattr(Path, "read_text", lambda self: files[self])
    assert memory._container() == 2000
