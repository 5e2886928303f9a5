"""Report options that have no effect for a video."""

from collections.abc import Iterator
from dataclasses import fields, replace

from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.video.formats import encoders
from fststyle.runtime.video.formats.base import Source
from fststyle.runtime.video.formats.open import Target
from fststyle.runtime.video.formats.raw import RawSource
from fststyle.runtime.video.formats.reader import Reader
from fststyle.runtime.video.formats.sequence import SequenceSource


def notes_on_settings(settings: VideoSettings, source: Source, target: Target) -> Iterator[str]:
    """Yield a note for each group of options that differ from their defaults but have no effect for this
    source and target.
    """
    raw, untimed = isinstance(source, RawSource), isinstance(source, RawSource | SequenceSource)
    checks = [
        (("frame_size",), raw, f"{source.name} is not a pipe of raw frames"),
        (("input_fps",), untimed, f"{source.name} has timestamps (--fps sets the frame rate of the output)"),
        (("deinterlace", "field_rate"), isinstance(source, Reader), f"{source.name} is not a video file"),
        (_replaced(settings), False, f"replaced by {settings.keyframes}"),
    ]
    if target.encoded and target.path is not None:
        codec = encoders.encoder(settings.codec, target.path.suffix, source.transparent)
        without: tuple[str, ...] = () if codec in encoders.WITH_CRF else ("crf",)
        without += () if codec in encoders.WITH_PRESET else ("preset",)
        checks.append((without, False, f"not supported by {codec}"))
    else:
        used_by_encoder = ("codec", "crf", "preset", "pix_fmt", "audio")
        checks.append((used_by_encoder, False, f"{target.name} is not written by a video encoder"))
    for names, effective, reason in checks:
        if not effective and (changed := _changed(settings, names)):
            yield f"{changed}: no effect, {reason}"


def _replaced(settings: VideoSettings) -> tuple[str, ...]:
    """Return the names of the settings that ``--keyframes`` replaces with other values."""
    if settings.keyframes is None:
        return ()
    used, own = settings.timeline, replace(settings, keyframes=None).timeline
    differs = {"style": used.styles != own.styles, "strength": used.strengths != own.strengths}
    return tuple(name for name, different in differs.items() if different)


def notes_on_keyframes(settings: VideoSettings, seconds: float) -> Iterator[str]:
    """Yield a note if any style in the timeline of ``settings`` starts after the last frame.

    ``seconds`` is the time of the last frame, measured from the start of the output.
    """
    # The first style also applies before its time.
    late = [key for key in settings.timeline.styles[1:] if key.seconds > seconds]
    if late:
        names = ", ".join(f"{'+'.join(key.value)} at {key.seconds:g} s" for key in late)
        option = "--style" if settings.keyframes is None else "--keyframes"
        yield f"{option}: styles that start after the last frame ({seconds:.2f} s) have no effect: {names}"


def _changed(settings: VideoSettings, names: tuple[str, ...]) -> str:
    """Return the command-line options, separated by commas, of those settings in ``names`` that differ from
    their defaults.
    """
    defaults = {field.name: field.default for field in fields(settings)}
    return ", ".join(
        f"--{name.replace('_', '-')}" for name in names if getattr(settings, name) != defaults[name]
    )
