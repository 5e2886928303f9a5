"""Transitions between styles."""

import numpy as np
import onnx
import pytest

from fststyle import video_frames
from fststyle.errors import InputError, StyleError
from fststyle.runtime.blend import weight_share
from fststyle.runtime.settings import FrameSettings
from fststyle.runtime.style import load_style
from fststyle.runtime.video import transitions
from fststyle.runtime.video.keyframes import parse
from fststyle.runtime.video.stylize import stylize_video
from fststyle.runtime.video.transitions import CrossFade, TransitionStylizer
from tests import clips, styles

FRAME = np.random.default_rng(0).integers(0, 120, (20, 24, 3), np.uint8)
CPU = FrameSettings(device="cpu", threads=1)


def near(a, b, within=1.0):
    assert np.abs(a.astype(float) - np.clip(b, 0, 255)).max() <= within


def painters(style, strength="1", fade=1.0, settings=CPU):
    notes = []
    return TransitionStylizer(parse(style, strength, fade=fade), settings, notes.append), notes


def test_styles_of_one_base_network_interpolate_weights(family):
    made, notes = painters("dark@0,pale@1", fade=1)
    near(made.at(0)(FRAME), FRAME * 0.5)
    near(made.at(1.25)(FRAME), FRAME * 0.625 + 25)
    near(made.at(3)(FRAME), FRAME + 100.0)
    assert not isinstance(made.at(1.5), CrossFade)
    assert not notes
    assert made.name == "dark, pale"


def test_strength_interpolates_weights(family):
    made, _ = painters("dark@0,pale@1", "0@0,2@4")
    near(made.at(0)(FRAME), FRAME)
    near(made.at(1.5)(FRAME), FRAME + weight_share(0.75) * (0.75 * FRAME + 50.0 - FRAME))
    near(made.at(4)(FRAME), FRAME + 200.0)


def test_styles_without_a_common_base_network_cross_fade_with_one_note(family):
    made, notes = painters("dark@0,stranger@1,pale@9")
    near(made.at(0.5)(FRAME), FRAME * 0.5)
    near(made.at(1.3)(FRAME), 0.7 * FRAME * 0.5 + 0.3 * (FRAME + 50.0), within=1.5)
    made.at(1.6)(FRAME)
    near(made.at(2.5)(FRAME), FRAME + 50.0)
    made.at(9.5)(FRAME)
    assert len(notes) == 1
    assert "are cross-faded, since weights are interpolated only" in notes[0]


def test_three_styles_mix_weights_where_possible(family):
    made, _ = painters("dark:0.5,pale:0.5@0,stranger@1")
    near(made.at(1.5)(FRAME), 0.5 * (FRAME * 0.75 + 50) + 0.5 * (FRAME + 50.0), within=1.5)


def test_strength_without_a_base_network_blends_pixels(family):
    made, _ = painters("stranger", "0@0,1@10")
    for seconds in (0, 3.33, 10):
        near(made.at(seconds)(FRAME), FRAME + 5.0 * seconds)
    assert len(made._stylizers) == 1


def test_number_of_sessions_is_limited(family, monkeypatch):
    made, _ = painters("dark@0,pale@0.001", "1@0,2@10", fade=10)
    built = []
    original = transitions.mixture
    monkeypatch.setattr(transitions, "mixture", lambda *args: built.append(args) or original(*args))
    for number in range(400):
        made.at(number / 40)
        assert len(made._stylizers) <= transitions.MAX_SESSIONS
    assert 30 < len(built) <= 2 * transitions.STEPS + 2


def test_constant_timeline_is_one_frame_stylizer(family):
    made, _ = painters("dark:0.5,pale:0.5", "0.5")
    near(made.at(7)(FRAME), FRAME + weight_share(0.5) * (50.0 - 0.25 * FRAME))
    assert made.at(0) == made.at(99)
    assert made.name == "dark+pale"


def test_all_styles_are_loaded_before_work_begins(family, style_folder):
    (style_folder / "bad.onnx").write_bytes(b"nothing")
    for style in ("dark@0,nobody@5", "dark@0,bad@5"):
        with pytest.raises(StyleError):
            painters(style)
    with pytest.raises(StyleError, match="int8"):
        painters("dark@0,pale@1", settings=FrameSettings(device="cpu", precision="int8"))


def test_video_with_two_styles(family, tmp_path):
    clip = clips.write(tmp_path / "in.mp4", list(range(0, 1000, 100)))
    (tmp_path / "k.csv").write_text("time,style,strength\n0,dark,1\n0.3,stranger,\n0.7,,1\n")
    done = stylize_video(
        clip,
        tmp_path / "out.mp4",
        keyframes=tmp_path / "k.csv",
        fade=0.2,
        start=0.2,
        device="cpu",
        threads=1,
        crf=5,
    )
    assert done.frames == 8
    assert done.style == "dark, stranger"
    assert "are cross-faded, since weights are interpolated only" in done.notes[0]
    wanted = []
    for number, (_, rgb) in enumerate(clips.frames(clip)[2:]):
        turned = 0 if number < 4 else 0.5 if number == 4 else 1
        wanted.append((1 - turned) * rgb * 0.5 + turned * (rgb + 50.0).clip(0, 255))
    for (_, now), want in zip(clips.frames(tmp_path / "out.mp4"), wanted, strict=True):
        assert np.abs(now - np.clip(want, 0, 255)).mean() < 6
    frames = list(video_frames(clip, "dark@0,pale@0.5s", fade=0, device="cpu", threads=1))
    near(frames[0], clips.frames(clip)[0][1] * 0.5, within=3)
    with pytest.raises(InputError, match="needs a time"):
        stylize_video(clip, tmp_path / "no.mp4", style="dark@0,pale")


def test_loaded_style_of_an_own_file_changes_its_strength(family, tmp_path):
    own = styles.save(tmp_path, "own", styles.pointwise(0.5, 0, family))
    plain = styles.save(tmp_path, "plain", styles.pointwise(1, 50))
    clip = clips.write(tmp_path / "in.mp4", list(range(0, 400, 100)))
    sources = [rgb for _, rgb in clips.frames(clip)]
    loaded = load_style(own, device="cpu", threads=1)
    frames = list(video_frames(clip, loaded, strength="0@0,1@0.04s", steady=False))
    near(frames[0], sources[0])
    near(frames[2], sources[2] * 0.5)
    frames = list(
        video_frames(clip, load_style(plain, device="cpu"), strength="0@0,1@0.04s", steady=False, threads=1)
    )
    near(frames[2], sources[2] + 50.0)
    made = TransitionStylizer(parse("own", "0@0,1@4"), CPU, style=loaded)
    near(made.at(2)(FRAME), FRAME * (1 - 0.5 * weight_share(0.5)))
    assert made.name == "own"
    half = load_style(own, device="cpu", threads=1, strength=0.5)
    made = TransitionStylizer(parse("own", "0@0,1@4"), CPU, style=half)
    near(made.at(4)(FRAME), FRAME * (1 - 0.5 * weight_share(0.5)))


def test_keyframes_with_another_style_replace_a_loaded_style(family, tmp_path):
    clip = clips.write(tmp_path / "in.mp4", [0, 100])
    (tmp_path / "k.csv").write_text("time,style\n0,pale\n")
    loaded = load_style("dark", device="cpu")
    frames = list(
        video_frames(clip, loaded, keyframes=tmp_path / "k.csv", steady=False, device="cpu", threads=1)
    )
    near(frames[0], clips.frames(clip)[0][1] + 100.0)


def test_loaded_int8_style_changes_its_strength_with_its_float_file(family, style_folder, tmp_path):
    made = onnx.load_from_string(styles.pointwise(0.25, 0, family))
    made.metadata_props.add(key="precision", value="int8")
    styles.save(style_folder, "dark-int8", made.SerializeToString())
    loaded = load_style("dark", device="cpu")
    near(loaded(FRAME), FRAME * 0.25)
    painter = TransitionStylizer(parse("dark", "0@0,1@4"), CPU, style=loaded)
    near(painter.at(4)(FRAME), FRAME * 0.5)
    own = styles.save(tmp_path, "own-int8", made.SerializeToString())
    with pytest.raises(InputError, match="own-int8 is an int8 file"):
        TransitionStylizer(parse("own-int8", "0@0,1@4"), CPU, style=load_style(own, device="cpu"))
