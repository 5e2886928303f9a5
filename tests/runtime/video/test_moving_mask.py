"""Moving masks: each frame is stylized with the mask of its time."""

import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from fststyle.errors import InputError, OutputError
from fststyle.runtime.batch import stylize_files
from fststyle.runtime.settings import ImageSettings
from fststyle.runtime.video import conversion, resume
from fststyle.runtime.video.stylize import stylize_video, video_frames
from tests import clips

pytestmark = pytest.mark.usefixtures("style_folder")
HEIGHT, WIDTH, STEP = 48, 128, 8
"""Frame n of a mask is white in the columns from n * `STEP` to the next."""
MS = Fraction(1, 1000)


def mask_of(number: int) -> np.ndarray:
    values = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    values[:, number * STEP : (number + 1) * STEP] = 255
    return values


def encoded(path: Path, times: list[int], picture, sound: bool = False) -> Path:
    """Frames ``picture(n)`` at ``times`` in milliseconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        stream.codec_context.time_base = MS
        audio = container.add_stream("aac", rate=48000, layout="mono") if sound else None
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts, frame.time_base = time, MS
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.float32), format="fltp", layout="mono")
            frame.pts, frame.sample_rate, frame.time_base = 0, 48000, Fraction(1, 48000)
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return path


def film(path: Path, times: list[int], sound: bool = False) -> Path:
    """A dark video, which the style makes bright. It is not blank, since blank frames are not stylized."""
    rows = np.repeat(np.arange(HEIGHT, dtype=np.uint8)[:, None, None] * 2, WIDTH, 1)
    return encoded(path, times, lambda number: np.repeat(rows, 3, 2), sound)


def masks_in(path: Path) -> list[int]:
    """For each frame, the number of the mask that was applied."""
    return [round((rgb[:, :, 1].mean(0).argmax() - STEP / 2) / STEP) for _, rgb in clips.frames(path)]


def stylized(source: Path, target: Path, mask: Path, **changes):
    changes = {"style": "invert", "device": "cpu", "threads": 1, "steady": False, "crf": 5, **changes}
    return stylize_video(source, target, mask=mask, **changes)


EVEN = list(range(0, 480, 40))


@pytest.mark.parametrize("kind", ["mp4", "mkv", "gif", "sequence", "folder"])
def test_each_frame_has_the_mask_of_its_number(tmp_path, kind):
    source = film(tmp_path / "in.mp4", EVEN)
    if kind in ("mp4", "mkv"):
        mask = encoded(tmp_path / f"mask.{kind}", EVEN, mask_of, sound=kind == "mkv")
    else:
        images = [Image.fromarray(mask_of(number)) for number in range(len(EVEN))]
        (tmp_path / "masks").mkdir()
        for number, image in enumerate(images):
            image.save(tmp_path / "masks" / f"{number:03d}.png")
        names = {"gif": "mask.gif", "sequence": "masks/%03d.png", "folder": "masks"}
        images[0].save(tmp_path / "mask.gif", save_all=True, append_images=images[1:], duration=40)
        mask = tmp_path / names[kind]
    done = stylized(source, tmp_path / "out.mp4", mask)
    assert masks_in(tmp_path / "out.mp4") == list(range(len(EVEN)))
    assert done.notes == ()


def test_times_count_and_not_numbers(tmp_path):
    """A mask of 12.5 frames per second for a video with variable frame rate, whose audio begins earlier."""
    source = film(tmp_path / "in.mkv", [0, 40, 100, 160, 250, 280, 320], sound=True)
    mask = encoded(tmp_path / "mask.mp4", list(range(0, 960, 80)), mask_of)
    stylized(source, tmp_path / "out.mkv", mask)
    assert masks_in(tmp_path / "out.mkv") == [0, 0, 1, 2, 3, 3, 4]


def test_repeated_frames_have_masks_of_their_own(tmp_path):
    source = film(tmp_path / "in.mp4", [0, 80, 160])
    mask = encoded(tmp_path / "mask.mp4", EVEN, mask_of)
    stylized(source, tmp_path / "out.mp4", mask, fps=25)
    assert masks_in(tmp_path / "out.mp4")[:5] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("start", [0.2, 1.2])
def test_mask_begins_with_the_video_and_not_with_the_start(tmp_path, start):
    times = list(range(0, 2000, 160))
    source, mask = film(tmp_path / "in.mp4", times), encoded(tmp_path / "mask.mp4", times, mask_of)
    stylized(source, tmp_path / "out.mp4", mask, start=start)
    assert masks_in(tmp_path / "out.mp4") == list(range(math.ceil(start / 0.16), len(times)))


def test_last_mask_is_held_which_is_noted(tmp_path):
    source = film(tmp_path / "in.mp4", EVEN)
    mask = encoded(tmp_path / "mask.mp4", EVEN[:4], mask_of)
    done = stylized(source, tmp_path / "out.mp4", mask)
    assert masks_in(tmp_path / "out.mp4") == [0, 1, 2, 3, *[3] * 8]
    assert done.notes == (f"{mask}: the mask ends after 0.16 seconds; its last frame is held",)


@pytest.mark.parametrize("kind", ["mp4", "folder"])
def test_last_mask_is_held_if_the_mask_ends_before_the_start(tmp_path, kind):
    source = film(tmp_path / "in.mp4", list(range(0, 3000, 160)))
    mask = encoded(tmp_path / "mask.mp4", EVEN[:4], mask_of)
    if kind == "folder":
        mask = tmp_path / "masks"
        mask.mkdir()
        for number in range(4):
            Image.fromarray(mask_of(number)).save(mask / f"{number:03d}.png")
    done = stylized(source, tmp_path / "out.mp4", mask, start=2.5)
    assert set(masks_in(tmp_path / "out.mp4")) == {3}
    assert "its last frame is held" in done.notes[0]


def test_interrupted_run_continues_with_the_mask_of_its_moment(tmp_path, monkeypatch):
    class Stopped(Exception):
        pass

    def stop(now):
        if now.frames >= 10:
            raise Stopped

    monkeypatch.setattr(resume, "FRAMES", 4)
    monkeypatch.setattr(conversion, "FRAMES", 4)
    source, mask = film(tmp_path / "in.mp4", EVEN), encoded(tmp_path / "mask.mp4", EVEN, mask_of)
    with pytest.raises(Stopped):
        stylized(source, tmp_path / "out.mp4", mask, resume=True, on_progress=stop)
    stylized(source, tmp_path / "out.mp4", mask, resume=True)
    assert masks_in(tmp_path / "out.mp4") == list(range(len(EVEN)))


def test_frames_of_the_python_api(tmp_path):
    source, mask = film(tmp_path / "in.mp4", EVEN), encoded(tmp_path / "mask.mp4", EVEN, mask_of)
    found = [
        rgb[:, :, 1].mean(0).argmax() // STEP
        for rgb in video_frames(source, "invert", mask=mask, steady=False)
    ]
    assert found == list(range(len(EVEN)))


def test_what_is_refused(tmp_path):
    source = film(tmp_path / "in.mp4", EVEN)
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty").mkdir()
    for name, problem in (
        ("text.mp4", "not an image"),
        ("none.mp4", "no such file"),
        ("empty", "is a folder without an image sequence"),
        ("none/%d.png", "no such folder"),
    ):
        with pytest.raises(InputError, match=problem):
            stylized(source, tmp_path / "out.mp4", tmp_path / name)
    tall = clips.write(tmp_path / "tall.mp4", EVEN, sound=None, size=(96, 64))
    with pytest.raises(InputError, match="aspect ratios differ"):
        stylized(source, tmp_path / "out.mp4", tall)
    mask = encoded(tmp_path / "mask.mp4", EVEN, mask_of)
    with pytest.raises(OutputError, match="would be overwritten"):
        stylized(source, mask, mask)
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask_of(0)).save(tmp_path / "masks" / "1.png")
    with pytest.raises(OutputError, match="would be overwritten"):
        stylized(source, tmp_path / "masks" / "%d.png", tmp_path / "masks")
    assert not (tmp_path / "out.mp4").exists()


def test_moving_mask_of_a_photo_is_refused(tmp_path):
    images = [Image.fromarray(mask_of(number)) for number in range(3)]
    images[0].save(tmp_path / "mask.gif", save_all=True, append_images=images[1:])
    images[0].save(tmp_path / "in.png")
    with pytest.raises(InputError, match="contains 3 frames; only `fststyle video` supports animated masks"):
        stylize_files(
            [tmp_path / "in.png"],
            tmp_path / "out.png",
            ImageSettings(style="invert", mask=tmp_path / "mask.gif"),
        )
