"""Layouts and orders of audio channels."""

from fractions import Fraction

import av
import numpy as np
import pytest

from fststyle.runtime.video.stylize import stylize_video
from tests import clips

pytestmark = pytest.mark.usefixtures("style_folder")
MPEG_5_1_B, DISCRETE = 122 << 16 | 6, 147 << 16 | 6
"""Apple's numbers of layouts: L R Ls Rs C LFE, and channels without a meaning."""


def written(path, layout="5.1", rate=48000, tag=None):
    """A MOV file with PCM, in which channel n has the amplitude 1000 (n + 1). ``tag`` is Apple's layout."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=rate, layout=layout)
        count = audio.codec_context.layout.nb_channels
        for number in range(12):
            picture = av.VideoFrame.from_ndarray(clips.frame(number), format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, 25)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        tone = np.sin(np.arange(rate // 2) * (2400 / rate))[:, None] * 1000 * np.arange(1, count + 1)
        piece = av.AudioFrame.from_ndarray(tone.astype(np.int16).reshape(1, -1), "s16", layout)
        piece.pts, piece.sample_rate, piece.time_base = 0, rate, Fraction(1, rate)
        container.mux(audio.encode(piece))
        container.mux(audio.encode(None))
    if tag is not None:
        content = path.read_bytes()
        at = content.index(b"chan") + 8
        path.write_bytes(content[:at] + tag.to_bytes(4, "big") + bytes(4) + content[at + 8 :])
    return path


def levels(path):
    """Layout, sample rate, and the amplitude of each channel in thousands."""
    with av.open(str(path)) as container:
        audio = container.streams.audio[0]
        layout, rate = audio.codec_context.layout, audio.codec_context.sample_rate
        packed = av.AudioResampler("s16", layout)  # PyAV 18.1 cannot read eight planes
        made = [one.to_ndarray() for frame in container.decode(audio) for one in packed.resample(frame)]
    samples = np.concatenate(made, axis=1).reshape(-1, layout.nb_channels)[8000:16000]
    return layout.name, rate, [round(int(top) / 1000) for top in np.abs(samples).max(axis=0)]


@pytest.mark.parametrize("target", ["out.mp4", "out.webm"])
@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1", "7.1"])
def test_re_encoded_audio_keeps_its_channels(tmp_path, layout, target):
    source = written(tmp_path / "in.mov", layout)
    stylize_video(source, tmp_path / target, style="invert", device="cpu")
    name, _, found = levels(tmp_path / target)
    assert (name, len(found)) == (layout, av.AudioLayout(layout).nb_channels)


@pytest.mark.parametrize("resume", [False, True])
def test_order_of_channels_of_a_mov_becomes_that_of_aac(tmp_path, resume):
    source = written(tmp_path / "in.mov", tag=MPEG_5_1_B)
    stylize_video(source, tmp_path / "out.mp4", style="invert", device="cpu", resume=resume)
    name, _, found = levels(tmp_path / "out.mp4")
    assert name == "5.1"
    left, right, center, _, back_left, back_right = found  # AAC has no high frequencies in the LFE channel
    assert (left, right, center, back_left, back_right) == (1, 2, 5, 3, 4)


@pytest.mark.parametrize("tag", [MPEG_5_1_B, DISCRETE])
def test_audio_with_an_order_of_its_own_is_copied(tmp_path, tag):
    source = written(tmp_path / "in.mov", tag=tag)
    done = stylize_video(source, tmp_path / "out.mov", style="invert", device="cpu")
    assert done.lost == ()
    copied = b"".join(content for _, content in clips.packets(tmp_path / "out.mov"))
    assert copied == b"".join(content for _, content in clips.packets(source))


def test_channels_without_a_meaning_are_encoded_in_the_usual_layout(tmp_path):
    source = written(tmp_path / "in.mov", tag=DISCRETE)
    stylize_video(source, tmp_path / "out.mp4", style="invert", device="cpu")
    assert levels(tmp_path / "out.mp4")[0] == "5.1"


def test_sample_rate_above_those_of_aac_is_reduced_and_reported(tmp_path):
    source = written(tmp_path / "in.mov", "mono", rate=192000)
    notes = []
    done = stylize_video(source, tmp_path / "out.mp4", style="invert", device="cpu", on_note=notes.append)
    assert done.lost == ("sample rate of audio pcm_s16le (192000 Hz)",)
    assert levels(tmp_path / "out.mp4")[1] == 96000
    assert any("its 192000 Hz as 96000 Hz" in note for note in notes)
