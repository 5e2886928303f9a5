"""Handle audio streams with an unspecified channel layout or a channel order that differs from FFmpeg's.

MOV allows any order of channels, such as side channels before back channels in 7.1. PyAV (18.1) frees the
memory of such a layout twice if it is read from a decoder, which ends the process. Therefore `prepare`
replaces the layout before the first packet.
"""

import re

import numpy as np

from fststyle.runtime.video.formats.pyav import DecodedFrame, Stream, av

DEFAULTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""Channel layout for AAC and Opus by number of channels."""

_UNSPECIFIED = {
    **{"1 channels": "mono", "2 channels": "stereo", "3 channels": "2.1", "4 channels": "4.0"},
    **{"5 channels": "5.0(side)", "6 channels": "5.1(side)", "7 channels": "6.1", "8 channels": "7.1"},
}
"""Replacement for each unspecified layout, which is given by its FFmpeg name."""

_LISTED = re.compile(r"\d+ channels \((.+)\)")
"""FFmpeg's name for a layout without a standard name. The name lists the channels."""
_NAMES = (
    *("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR", "TC", "TFL", "TFC", "TFR", "TBL"),
    *("TBC", "TBR"),
)
"""FFmpeg names of channels, in the order of FFmpeg layouts."""

Order = tuple[int, ...]
"""For each channel of the FFmpeg layout, its index in the file."""


def prepare(stream: Stream) -> Order | None:
    """Replace the channel layout of an audio stream's decoder if it is unspecified or a list of channels.

    Call this before the first packet is read. Returns the channel order to pass to `reordered`, or None if
    the channels need not be reordered. An invalid list is treated like an unspecified layout.
    """
    context = stream.codec_context
    layout = context.layout
    name, count = layout.name, layout.nb_channels
    if name in _UNSPECIFIED:
        context.layout = _UNSPECIFIED[name]
    if "+" not in name:
        return None
    listed = _LISTED.fullmatch(name)
    names = listed[1].split("+") if listed else []
    if len(names) != count or len({*names}) != count or not {*names} <= {*_NAMES}:
        unspecified = f"{count} channels"
        context.layout = _UNSPECIFIED.get(unspecified, unspecified)
        return None
    ordered = sorted(names, key=_NAMES.index)
    context.layout = "+".join(ordered)
    return None if ordered == names else tuple(names.index(one) for one in ordered)


def reordered(frame: DecodedFrame, order: Order) -> DecodedFrame:
    """Return an audio frame with its channels in the order of FFmpeg's layout.

    ``order`` is the result of `prepare`. A planar frame is returned unchanged.
    """
    if frame.format.is_planar:
        return frame  # not PCM; the other decoders set the order themselves
    samples = frame.to_ndarray().reshape(-1, len(order))[:, order].reshape(1, -1)
    made = av().AudioFrame.from_ndarray(np.ascontiguousarray(samples), frame.format.name, frame.layout)
    made.pts, made.time_base, made.sample_rate = frame.pts, frame.time_base, frame.sample_rate
    return made
