"""The frames of a shot, and which of them are painted."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.errors import InputError
from fststyle.train.keyframe import shot as module
from fststyle.train.keyframe.shot import numbers_of, read_shot


def frame(number: int, size=(40, 64)) -> np.ndarray:
    return np.full((*size, 3), (number, 2 * number, 100), np.uint8)


def save(path: Path, rgb: np.ndarray) -> Path:
    Image.fromarray(rgb).save(path)
    return path


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    folder = tmp_path / "shot"
    folder.mkdir()
    for number in range(8, 15):
        save(folder / f"frame_{number:03d}.png", frame(number))
    return folder


def test_painted_frames_are_found_by_their_numbers(frames, tmp_path):
    painted = [save(tmp_path / name, frame(200)) for name in ("v2 frame_012.png", "b_9.png")]
    shot = read_shot(frames, painted, None)
    assert [pair.number for pair in shot.pairs] == [9, 12]
    assert [pair.frame[0, 0, 0] for pair in shot.pairs] == [9, 12]
    assert all((pair.painted == frame(200)).all() for pair in shot.pairs)
    assert [number for number, _, _ in shot.neighbors] == [8, 9, 10, 11, 12, 13]
    assert all(after[0, 0, 0] == before[0, 0, 0] + 1 for _, before, after in shot.neighbors)
    assert [shot.nearest(number) for number in (8, 10, 11, 14)] == [0, 0, 1, 1]
    assert "7 frames of" in shot.source


def test_the_frames_of_a_video_count_from_one(tmp_path):
    from tests import clips

    clip = tmp_path / "clip.mp4"
    clips.write(clip, [0, 40, 80, 120, 160])
    first = module.read_shot(clip, [save(tmp_path / "a_1.png", frame(1, (48, 64)))], None)
    last = module.read_shot(clip, [save(tmp_path / "b.png", frame(1, (48, 64)))], "5")
    assert first.pairs[0].frame.shape == last.pairs[0].frame.shape
    assert (first.pairs[0].frame == first.neighbors[0][1]).all()
    assert (last.pairs[0].frame == last.neighbors[-1][2]).all()


def test_a_painted_frame_is_scaled_and_shows_the_frame_where_it_is_transparent(frames, tmp_path):
    rgba = np.dstack([frame(200, (80, 128)), np.zeros((80, 128), np.uint8)])
    rgba[:, :64, 3] = 255
    shot = read_shot(frames, [save(tmp_path / "a_10.png", rgba)], None)
    assert (shot.pairs[0].painted[:, :28] == frame(200)[0, 0]).all()
    assert (shot.pairs[0].painted[:, 36:] == frame(10)[0, 0]).all()


def test_colors_of_transparent_pixels_do_not_leak_when_scaled(frames, tmp_path):
    rgba = np.full((80, 128, 4), (255, 255, 255, 0), np.uint8)
    rgba[:, :64] = (*frame(10)[0, 0], 255)
    painted = read_shot(frames, [save(tmp_path / "a_10.png", rgba)], None).pairs[0].painted
    assert (painted == frame(10)).all()


def test_large_frames_are_scaled_down(frames, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "REFERENCE_SIDE", 20)
    shot = read_shot(frames, [save(tmp_path / "a_10.png", frame(200))], None)
    assert shot.pairs[0].frame.shape == shot.pairs[0].painted.shape == (20, 32, 3)


def test_a_long_shot_is_thinned_evenly(monkeypatch):
    monkeypatch.setattr(module, "MOST", 10)
    for count in (10, 11, 12, 57, 400):
        kept = module._spread((number, frame(number % 100)) for number in range(count))
        numbers = [number for number, _, _ in kept]
        assert 5 <= len(numbers) <= 10
        assert len(set(np.diff(numbers))) == 1
        assert numbers[0] == 0
        assert numbers[-1] + np.diff(numbers)[0] >= count - 1


def test_numbers():
    assert numbers_of([Path("frame_012.png"), Path("x2_7b.png")], None) == [12, 7]
    assert numbers_of([Path("a.png"), Path("b.png")], " 3, 40") == [3, 40]
    for painted, at, said in (
        ([], None, "at least one"),
        (["a.png"], None, "a.png: has no frame number"),
        (["a.png"], "x", "--at: 'x' is not"),
        (["a.png"], "1,2", "has 2 frame numbers, but --painted is given 1 time"),
        (["a_1.png", "b_01.png"], None, "--painted: several painted frames have the number 1"),
    ):
        with pytest.raises(InputError, match=said):
            numbers_of([Path(path) for path in painted], at)


def test_what_does_not_fit_is_refused(frames, tmp_path):
    good = save(tmp_path / "a_10.png", frame(1))
    tall = save(tmp_path / "b_10.png", frame(1, (64, 40)))
    for path, at, said in (
        (good, "15", "frame 15 is not in .*, whose frame numbers range from 8 to 14"),
        (tall, None, "aspect ratio of 40x64 pixels differs by more than 2%"),
        (tmp_path / "none_10.png", None, "none_10.png"),
    ):
        with pytest.raises(InputError, match=said):
            read_shot(frames, [path], at)
    clear = save(tmp_path / "c_10.png", np.zeros((*frame(1).shape[:2], 4), np.uint8))
    with pytest.raises(InputError, match="fully transparent"):
        read_shot(frames, [clear], None)
    single = tmp_path / "single"
    single.mkdir()
    save(single / "1.png", frame(1))
    with pytest.raises(InputError, match="at least two frames"):
        read_shot(single, [good], "1")
