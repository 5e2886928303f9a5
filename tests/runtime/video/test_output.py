import pytest
from PIL import Image

from fststyle.runtime.video.stylize import stylize_video
from tests import clips

pytestmark = pytest.mark.usefixtures("style_folder")
EVERY = list(range(0, 500, 40))


def paint(source, target, **more):
    return stylize_video(source, target, style="invert", device="cpu", **more)


@pytest.mark.parametrize("target", ["out.webp", "out.mp4", "-"])
def test_frames_of_another_size_are_resized_to_the_first(tmp_path, target):
    small = clips.write(tmp_path / "small.ts", EVERY, sound=None).read_bytes()
    large = clips.write(tmp_path / "large.ts", EVERY, sound=None, size=(64, 96)).read_bytes()
    (tmp_path / "in.ts").write_bytes(small + large)
    if target == "-":
        with (tmp_path / "raw").open("wb") as pipe:
            done = paint(tmp_path / "in.ts", "-", stdout=pipe)
        assert (tmp_path / "raw").stat().st_size == done.frames * 48 * 64 * 3
    else:
        done = paint(tmp_path / "in.ts", tmp_path / target)
        if target == "out.webp":
            with Image.open(tmp_path / target) as made:
                assert (made.n_frames, made.size) == (done.frames, (64, 48))
        else:
            assert {rgb.shape for _, rgb in clips.frames(tmp_path / target)} == {(48, 64, 3)}
    assert [note for note in done.notes if "resized to 64x48" in note]
