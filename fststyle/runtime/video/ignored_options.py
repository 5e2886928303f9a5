"""What was asked for and has no meaning for this video, so that nobody looks for its effect."""

from collections.abc import Iterator
from dataclasses import fields, replace

from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.video.formats import writer
from fststyle.runtime.video.formats.base import Source
from fststyle.runtime.video.formats.open import Target
from fststyle.runtime.video.formats.raw import RawSource
from fststyle.runtime.video.formats.reader import Reader
from fststyle.runtime.video.formats.sequence import SequenceSource


def settings(asked: VideoSettings, source: Source, target: Target) -> Iterator[str]:
    """A line for each group of settings that are not as they come and that nothing here takes."""
    if given := _given(asked, () if isinstance(source, RawSource) else ("frame_size",)):
        yield f"{given}: is for raw frames from -, {source.name} knows its size"
    if given := _given(asked, () if isinstance(source, RawSource | SequenceSource) else ("input_fps",)):
        yield (
            f"{given}: is for numbered pictures and raw frames, {source.name} has times of its own (--fps"
            " gives it others)"
        )
    if given := _given(asked, () if isinstance(source, Reader) else ("deinterlace", "field_rate")):
        yield f"{given}: is for video files, {source.name} has no fields"
    if asked.keyframes is not None:
        told, alone = asked.timeline, replace(asked, keyframes=None).timeline
        other = {"style": told.styles != alone.styles, "strength": told.strengths != alone.strengths}
        if given := _given(asked, tuple(name for name, changed in other.items() if changed)):
            yield f"{given}: has no effect, {asked.keyframes} says it"
    if not target.encoded or target.path is None:
        if given := _given(asked, ("codec", "crf", "preset", "pix_fmt", "audio")):
            yield f"{given}: has no meaning for {target.name}, which no video encoder writes"
    else:
        codec = writer.encoder(asked.codec, target.path.suffix, source.transparent)
        if given := _given(
            asked,
            (*(() if codec in writer.RATED else ("crf",)), *(() if codec in writer.PACED else ("preset",))),
        ):
            yield f"{given}: is not for {codec}"


def keyframes(asked: VideoSettings, seconds: float) -> Iterator[str]:
    """A line for the styles that begin only after the last frame, shown `seconds` after the first."""
    # the first is seen before its time too
    late = [key for key in asked.timeline.styles[1:] if key.seconds > seconds]
    if late:
        names = ", ".join(f"{'+'.join(key.value)} at {key.seconds:g} s" for key in late)
        yield f"never seen, for the last frame is shown at {seconds:.3g} s: {names}"


def _given(asked: VideoSettings, names: tuple[str, ...]) -> str:
    usual = {field.name: field.default for field in fields(asked)}
    return ", ".join(f"--{name.replace('_', '-')}" for name in names if getattr(asked, name) != usual[name])
