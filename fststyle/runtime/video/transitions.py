"""Transitions between styles.

The weights are interpolated if the styles were trained from the same base network (see
`fststyle.runtime.blend`) and the precision is float. Otherwise, the stylized frames are cross-faded.
"""

import functools
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import fields, replace

from fststyle import catalogue, colors
from fststyle.arrays import RGB
from fststyle.errors import InputError, StyleError
from fststyle.runtime.frame_stylizer import FrameStylizer, load_for_settings, split_strength
from fststyle.runtime.settings import FrameSettings, StylizeSettings
from fststyle.runtime.style import Style, load_style, mixture
from fststyle.runtime.video.keyframes import Shares, Timeline

StylizeFrame = Callable[[RGB], RGB]

STEPS = 32
"""Number of steps between 0 and 1 for interpolated weights. The shares of styles, and strengths that change
the weights, are rounded to a step, since each combination needs its own ONNX Runtime session.
"""

MAX_SESSIONS = 4
"""Maximum number of `FrameStylizer` objects in memory. The least recently used one is discarded."""


class TransitionStylizer:
    """Stylizes frames with a style and a strength that change over time.

    ``at(seconds)(rgb)`` stylizes the frame ``rgb`` with the values of the timeline at ``seconds``. The
    function that `at` returns is thread-safe; `at` is not. The constructor loads each style once, so that
    errors are raised before any frame is stylized. ``on_note`` is called once if frames are cross-faded
    because weights cannot be interpolated. The attribute ``name`` contains the names of all styles, separated
    by commas, and ``device`` is the device of the network.
    """

    def __init__(
        self,
        timeline: Timeline,
        settings: FrameSettings,
        on_note: Callable[[str], None] = lambda note: None,
        style: Style | None = None,
    ):
        """Load the styles of ``timeline``.

        If the timeline contains only the style called ``style.name``, ``style`` is used and not loaded again.
        If it is an int8 file and the strength changes over time, its float file is loaded instead, since the
        weights of an int8 file cannot be interpolated. If the timeline contains other styles, ``style`` is
        ignored.

        Raises the errors of `load_style`, and `InputError` if the float file of ``style`` is needed but not
        in the catalogue.
        """
        self._timeline, self._on_note, self._noted = timeline, on_note, False
        same = {field.name: getattr(settings, field.name) for field in fields(FrameSettings)}
        self._settings = StylizeSettings(**same)
        self._bases: dict[str, str] = {}
        self._stylizers: OrderedDict[tuple[tuple[tuple[str, float], ...], float], FrameStylizer] = (
            OrderedDict()
        )
        self._only: FrameStylizer | None = None
        self._loaded = style = style if style is not None and timeline.names == [style.name] else None
        if not timeline.moves:
            shares, strength = timeline(0.0)
            still = replace(self._settings, strength=strength)
            self._only = FrameStylizer(style or load_for_settings(still, _text(shares)), still)
            self.name, self.device = (style or self._only.style).name, self._only.style.device
            return
        if style is not None:
            self._loaded = style = _interpolable(style)
            self._bases[timeline.names[0]] = style.metadata.get("base", "")
            self.name, self.device = style.name, style.device
            return
        if settings.precision == "auto":
            # The whole video has one precision, since a change is visible.
            self._settings = replace(self._settings, precision="float")
        for name in timeline.names:
            loaded = load_style(name, settings.device, settings.threads, precision=self._settings.precision)
            self._bases[name] = loaded.metadata.get("base", "") if self._settings.precision == "float" else ""
            self.device = loaded.device
        self.name = ", ".join(catalogue.locate(name).name for name in timeline.names)

    def at(self, seconds: float) -> StylizeFrame:
        """Return the function that stylizes a frame at ``seconds`` after the start of the output.

        This may load interpolated weights, which takes some time.
        """
        if self._only is not None:
            return self._only.frame
        shares, strength = self._timeline(seconds)
        groups = grouped(shares, self._bases)
        if len(groups) > 1 and not self._noted:
            self._noted = True
            names = " and ".join(
                "+".join(catalogue.locate(name).name for name in group) for group, _ in groups
            )
            self._on_note(
                f"the stylized frames of {names} are cross-faded, since weights are interpolated only between"
                " styles with the same base network and float precision"
            )
        parts = [(self._stylizer(group, strength), share) for group, share in groups]
        return parts[0][0] if len(parts) == 1 else CrossFade(parts)

    def _stylizer(self, group: Shares, strength: float) -> StylizeFrame:
        steps = {name: round(share * STEPS) for name, share in group.items()}
        parts = tuple((name, step / sum(steps.values())) for name, step in sorted(steps.items()) if step)
        # With a base network, the strength changes the weights. Otherwise, the output is blended with the
        # frame, and the strength is not rounded.
        in_weights, fade = (
            split_strength(strength)
            if catalogue.base_network(self._bases[parts[0][0]]) is not None
            else (1.0, strength)
        )
        in_weights = round(in_weights * STEPS) / STEPS
        if (parts, in_weights) not in self._stylizers:
            while len(self._stylizers) >= MAX_SESSIONS:
                self._stylizers.popitem(last=False)
            self._stylizers[parts, in_weights] = FrameStylizer(
                self._style(parts, in_weights), replace(self._settings, strength=1.0)
            )
        self._stylizers.move_to_end((parts, in_weights))
        return functools.partial(self._stylizers[parts, in_weights].frame, fade=fade)

    def _style(self, parts: tuple[tuple[str, float], ...], strength: float) -> Style:
        settings = self._settings
        if self._loaded is not None:
            return self._loaded.at(self._loaded.strength * strength) or self._loaded
        if len(parts) == 1 and strength == 1:
            return load_style(parts[0][0], settings.device, settings.threads, precision=settings.precision)
        return mixture(
            [(catalogue.locate(name), share) for name, share in parts],
            settings.device,
            settings.threads,
            strength,
        )


def _interpolable(style: Style) -> Style:
    """Return ``style``, or its float file if it is an int8 file with a base network.

    The float file is loaded from the catalogue. Raises `InputError` if the catalogue does not contain
    ``style``, and the errors of `load_style`.
    """
    base = catalogue.base_network(style.metadata.get("base", ""))
    if base is None or style.metadata.get("precision") != "int8":
        return style
    try:
        entry = catalogue.find(style.name)
        known = entry.int8 is not None and catalogue.load(entry.int8) == style.model
    except StyleError:
        known = False
    if not known:
        raise InputError(
            f"{style.name} is an int8 file, which supports only strength 1; load the style with the precision"
            " float to change its strength over time"
        )
    return load_style(entry.name, style.device, style.threads, precision="float")


def _text(shares: Shares) -> str:
    """Return shares as text for `load_style`: the name of a single style, or ``a:0.6,b:0.4`` for several."""
    return (
        next(iter(shares))
        if len(shares) == 1
        else ",".join(f"{name}:{share!r}" for name, share in shares.items())
    )


def grouped(shares: Shares, bases: Mapping[str, str]) -> list[tuple[Shares, float]]:
    """Return groups of styles whose weights can be interpolated, each with the total share of its styles.

    The styles of a group were trained from the same base network; a style without one is a group of its own.
    Within a group, the shares are scaled to sum to 1. ``bases`` maps the name of each style to its base
    network, or to "" if it has none.
    """
    groups: dict[str, Shares] = {}
    for name, share in shares.items():
        groups.setdefault(bases[name] or f"only {name}", {})[name] = share
    totals = [sum(group.values()) for group in groups.values()]
    return [
        ({name: share / total for name, share in group.items()}, total)
        for group, total in zip(groups.values(), totals, strict=True)
    ]


class CrossFade:
    """Callable that stylizes a frame with several functions and returns the weighted mean of the results.

    ``parts`` are pairs of a function and its positive weight. The weights need not sum to 1.
    """

    def __init__(self, parts: list[tuple[StylizeFrame, float]]):
        self._parts = parts

    def __call__(self, photo: RGB) -> RGB:
        """Return the stylized frame of ``photo``. Both are uint8 (H, W, 3) RGB, but may differ in size."""
        (first, total), *others = self._parts
        result = first(photo)
        for paint, share in others:
            total += share
            result = colors.fade(result, paint(photo), share / total)
        return result
