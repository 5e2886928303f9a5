"""Frames that are stylized where a mask is white."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fststyle
from fststyle.errors import InputError, OutputError
from fststyle.io import images
from fststyle.runtime.batch import stylize_files
from fststyle.runtime.image import stylize
from fststyle.runtime.mask import load
from fststyle.runtime.settings import ImageSettings, WebcamSettings
from fststyle.runtime.video.stylize import stylize_video
from fststyle.runtime.webcam.live import Live
from tests import clips, styles

pytestmark = pytest.mark.usefixtures("style_folder")


def half(folder: Path, height: int = 48, width: int = 64, name: str = "mask.png") -> Path:
    """A mask that is white on the right."""
    values = np.zeros((height, width), np.uint8)
    values[:, width // 2 :] = 255
    Image.fromarray(values).save(folder / name)
    return folder / name


def check_halves(photo: np.ndarray, painted: np.ndarray, tolerance: float = 0) -> None:
    """Both halves are exact, and the step between them is soft."""
    edge, width = photo.shape[1] // 2, 6
    left, right = np.s_[:, : edge - width], np.s_[:, edge + width :]
    assert np.abs(painted[left].astype(int) - photo[left]).mean() <= tolerance
    assert np.abs(painted[right].astype(int) - (255 - photo[right].astype(int))).mean() <= tolerance


def test_white_is_stylized_and_the_edge_is_soft(tmp_path):
    photo = np.full((48, 64, 3), 55, np.uint8)
    painted = stylize(photo, "invert", mask=half(tmp_path))
    check_halves(photo, painted)
    steps = painted[20, :, 0].astype(int)
    assert (np.diff(steps) >= 0).all()
    assert np.diff(steps).max() < 100  # of 145
    assert ((steps > 55) & (steps < 200)).sum() >= 4


def test_gray_and_transparency_are_partial(tmp_path):
    photo = np.full((48, 64, 3), 55, np.uint8)
    for name, color, expected in (("gray", (128, 128, 128, 255), 128), ("clear", (255, 255, 255, 0), 55)):
        Image.new("RGBA", (64, 48), color).save(tmp_path / f"{name}.png")
        painted = stylize(photo, "invert", mask=str(tmp_path / f"{name}.png"))
        assert np.abs(painted.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    ("mask", "photo", "size"),
    [((480, 640), (48, 64), None), ((24, 32), (96, 128), None), ((48, 64), (48, 64), 40)],
)
def test_mask_takes_the_size_of_the_picture(tmp_path, mask, photo, size):
    frame = styles.photo(*photo)
    plain = stylize(frame, "invert", size=size)
    check_halves(255 - plain, stylize(frame, "invert", size=size, mask=half(tmp_path, *mask)))


def test_other_aspect_ratio_and_missing_mask_are_refused(tmp_path):
    photo = styles.photo(48, 64)
    with pytest.raises(InputError, match=r"mask\.png: the mask has 64x40 pixels and the image 64x48"):
        stylize(photo, "invert", mask=half(tmp_path, 40, 64))
    Image.fromarray(photo).save(tmp_path / "in.png")
    (tmp_path / "text.png").write_text("no image")
    for mask, problem in (("none.png", "no such file"), ("text.png", "not an image")):
        with pytest.raises(InputError, match=problem):
            stylize_files(
                [tmp_path / "in.png"],
                tmp_path / "out.png",
                ImageSettings(style="invert", mask=tmp_path / mask),
            )
    assert not (tmp_path / "out.png").exists()


def test_mask_is_not_overwritten(tmp_path):
    Image.fromarray(styles.photo(48, 64)).save(tmp_path / "in.png")
    mask = half(tmp_path)
    before = mask.read_bytes()
    with pytest.raises(OutputError, match="would be overwritten"):
        stylize_files([tmp_path / "in.png"], mask, ImageSettings(style="invert", mask=mask))
    assert mask.read_bytes() == before


def test_mask_applies_to_every_frame_of_an_animation(tmp_path):
    stills = [Image.new("RGB", (64, 48), (40 * i, 9, 99)) for i in range(3)]
    stills[0].save(tmp_path / "in.png", save_all=True, append_images=stills[1:], duration=50)
    settings = ImageSettings(style="invert", mask=half(tmp_path))
    stylize_files([tmp_path / "in.png"], tmp_path / "out.png", settings)
    painted = images.read(tmp_path / "out.png").frames
    assert len(painted) == 3
    for before, after in zip(stills, painted, strict=True):
        check_halves(np.asarray(before), after.rgb)


@pytest.mark.parametrize("size", [None, 32])
def test_video(tmp_path, size):
    clip = clips.write(tmp_path / "in.mp4", [0, 40, 80, 120], sound=None)
    stylize_video(
        clip, tmp_path / "out.mp4", style="invert", device="cpu", crf=5, mask=half(tmp_path), size=size
    )
    for (_, before), (_, after) in zip(clips.frames(clip), clips.frames(tmp_path / "out.mp4"), strict=True):
        small = np.asarray(Image.fromarray(before).resize(after.shape[1::-1], Image.Resampling.LANCZOS))
        check_halves(small, after, 14)
    with pytest.raises(InputError, match="aspect ratios differ"):
        stylize_video(clip, tmp_path / "bad.mp4", style="invert", mask=half(tmp_path, 20, 64, "bad.png"))
    assert not (tmp_path / "bad.mp4").exists()
    with pytest.raises(OutputError, match="would be overwritten"):
        stylize_video(
            clip, half(tmp_path).rename(tmp_path / "m.mp4"), style="invert", mask=tmp_path / "m.mp4"
        )


def test_photo_beside_the_mask_does_not_lag_behind(tmp_path):
    """The temporal filter does not mix the previous frame into the part that stays a photo."""
    stylizer = fststyle.Stylizer("invert", device="cpu", mask=half(tmp_path))
    for number in range(4):
        frame = clips.frame(number)
        np.testing.assert_array_equal(stylizer(frame)[:, :26], frame[:, :26])


def test_webcam(tmp_path):
    clip = str(clips.write(tmp_path / "in.mp4", list(range(0, 800, 40)), sound=None))
    settings = WebcamSettings(
        camera=clip, style="invert", device="cpu", mirror=False, size=32, mask=half(tmp_path)
    )
    live = Live(settings)
    try:
        view = next(live.frames())
    finally:
        live.close()
    assert view.rgb.shape == (48, 64, 3)
    # At its original size: green increases in every column of the clip, without steps of 32 pixels.
    green = view.rgb[:, 8:24, 1].mean(0)
    assert min(np.abs(green - clips.frame(number)[0, 8:24, 1]).max() for number in range(20)) < 6


def test_no_mask():
    assert load(ImageSettings()) is None
    with pytest.raises(InputError):
        load(ImageSettings(mask=Path("nowhere.png")))
