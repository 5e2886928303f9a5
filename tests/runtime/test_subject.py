"""The subject of an image, which a network detects."""

import hashlib
import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fststyle import catalogue
from fststyle.errors import InputError
from fststyle.runtime.batch import stylize_files
from fststyle.runtime.image import stylize
from fststyle.runtime.settings import ImageSettings
from fststyle.runtime.subject import Subject
from fststyle.runtime.video.stylize import stylize_video
from tests import clips
from tests.runtime.test_mask import half

EXAMPLES = Path(__file__).parents[2] / "examples"

pytestmark = pytest.mark.usefixtures("style_folder")


@pytest.fixture(scope="module")
def coffee() -> np.ndarray:
    """A cup on its saucer near the center, on a table."""
    return np.asarray(Image.open(EXAMPLES / "coffee.jpg").convert("RGB"))


def test_file_is_the_one_in_the_catalogue_and_its_license_ships():
    entry = catalogue.model("subject", ("subject",))
    assert hashlib.sha256(entry.path.read_bytes()).hexdigest() == entry.sha256
    assert "Apache License" in entry.path.with_name("subject-LICENSE.txt").read_text()
    assert "subject" not in [known.name for known in (*catalogue.styles(), *catalogue.models())]


def test_cup_is_detected_as_subject(coffee):
    height, width = coffee.shape[:2]
    share = Subject().mask_for(coffee, (height, width))
    assert (share.shape, share.dtype) == ((height, width), np.uint8)
    assert share[height // 2 - 60 : height // 2 + 60, width // 2 - 90 : width // 2 + 60].min() > 240
    corners = np.concatenate([share[:30, :30], share[-30:, :30], share[-30:, -30:]])
    assert corners.max() < 15
    assert 0.005 < ((share > 15) & (share < 240)).mean() < 0.2  # soft edges, and not everywhere
    np.testing.assert_allclose(
        255 - Subject(background=True).mask_for(coffee, (height, width)).astype(int), share, atol=1
    )


def test_only_the_subject_is_stylized(coffee):
    for only, stylized in (("subject", True), ("background", False)):
        painted = stylize(coffee, "invert", only=only)
        middle, corner = np.s_[150:250, 220:340], np.s_[-25:, :25]
        for place, expected in ((middle, stylized), (corner, not stylized)):
            target = 255 - coffee[place].astype(int) if expected else coffee[place]
            assert np.abs(painted[place].astype(int) - target).mean() < 4
    with pytest.raises(InputError, match="--only"):
        stylize(coffee, "invert", only="sky")


def test_mask_and_only_are_combined(coffee, tmp_path):
    Image.fromarray(coffee).save(tmp_path / "in.png")
    settings = ImageSettings(style="invert", only="subject", mask=half(tmp_path, 400, 600))
    stylize_files([tmp_path / "in.png"], tmp_path / "out.png", settings)
    painted = np.asarray(Image.open(tmp_path / "out.png"))
    np.testing.assert_array_equal(painted[:, :280], coffee[:, :280])
    assert (
        np.abs(painted[150:250, 320:340].astype(int) - (255 - coffee[150:250, 320:340].astype(int))).mean()
        < 4
    )
    np.testing.assert_allclose(painted[-20:, -20:].astype(int), coffee[-20:, -20:], atol=8)


def test_mask_is_smoothed_and_restarts_after_a_cut(coffee):
    """With grain, the mask changes less than the masks of single frames. After a cut, nothing of the previous
    mask remains.
    """
    rng = np.random.default_rng(0)
    noisy = [np.clip(coffee + rng.normal(0, 25, coffee.shape), 0, 255).astype(np.uint8) for _ in range(4)]
    steady, size = Subject(), (100, 150)
    together = [steady.mask_for(frame, size).astype(int) for frame in noisy]
    single = [Subject().mask_for(frame, size).astype(int) for frame in noisy]

    def movement(shares: list[np.ndarray]) -> float:
        return float(np.mean([np.abs(a - b).mean() for a, b in itertools.pairwise(shares)]))

    assert movement(together) < 0.8 * movement(single)
    other = np.asarray(Image.open(EXAMPLES / "rocket.jpg").convert("RGB"))
    np.testing.assert_array_equal(steady.mask_for(other, size), Subject().mask_for(other, size))
    steady.reset()
    np.testing.assert_array_equal(steady.mask_for(noisy[0], size), together[0])


def test_video(tmp_path):
    clip = clips.write(tmp_path / "in.mp4", [0, 40], sound=None)
    done = stylize_video(clip, tmp_path / "out.mp4", style="invert", device="cpu", only="subject")
    assert done.frames == 2
