"""Styles that change over time, painted: by the weights where styles share a base, by a cross-fade of the
pictures where they do not.
"""

import functools
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import fields, replace

from fststyle import catalogue, colors
from fststyle.arrays import RGB
from fststyle.runtime.painter import Painter, by_weights, load_as
from fststyle.runtime.settings import FrameSettings, PaintSettings
from fststyle.runtime.style import Style, load_style, mixture
from fststyle.runtime.video.keyframes import Shares, Timeline

Paint = Callable[[RGB], RGB]


STEPS = 32
"""Steps of a share and of a strength in the weights: each is a session of its own, so there cannot be as many
as frames.
"""

KEPT = 4
"""Sessions kept, the newest; memory does not grow with the number of styles and steps."""


class Painters:
    """The painter of each moment of a timeline: ``at(seconds)(rgb)``.

    What `at` gives may be called from several threads.

    Every style is loaded once at the beginning, so what is wrong with one is known before anything is
    painted.
    Raises as `load_style`. ``on_note`` hears where pictures are faded because weights cannot be mixed.
    """

    def __init__(
        self,
        timeline: Timeline,
        settings: FrameSettings,
        on_note: Callable[[str], None] = lambda note: None,
        style: Style | None = None,
    ):
        """``style``: what is painted with, where it is loaded already and nothing moves."""
        self._timeline, self._on_note, self._said = timeline, on_note, False
        same = {field.name: getattr(settings, field.name) for field in fields(FrameSettings)}
        self._settings = PaintSettings(**same)
        self._bases: dict[str, str] = {}
        self._painters: OrderedDict[tuple[tuple[tuple[str, float], ...], float], Painter] = OrderedDict()
        self._only: Painter | None = None
        if not timeline.moves:
            shares, strength = timeline(0.0)
            still = replace(self._settings, strength=strength)
            self._only = Painter(style or load_as(still, _text(shares)), still)
            self.name, self.device = (style or self._only.style).name, self._only.style.device
            return
        if settings.precision == "auto":
            # One arithmetic from beginning to end: a change of it would be seen as a jump.
            self._settings = replace(self._settings, precision="float")
        for name in timeline.names:
            loaded = load_style(name, settings.device, settings.threads, precision=self._settings.precision)
            self._bases[name] = loaded.metadata.get("base", "") if self._settings.precision == "float" else ""
            self.device = loaded.device
        self.name = ", ".join(catalogue.locate(name).name for name in timeline.names)

    def at(self, seconds: float) -> Paint:
        """What paints a frame shown at this time, in seconds since the beginning of the painted video."""
        if self._only is not None:
            return self._only.frame
        shares, strength = self._timeline(seconds)
        groups = self._groups(shares)
        if len(groups) > 1 and not self._said:
            self._said = True
            names = " and ".join(
                "+".join(catalogue.locate(name).name for name in group) for group, _ in groups
            )
            self._on_note(
                f"{names} do not share a base, so the pictures are faded into each other, not the networks"
            )
        parts = [(self._painter(group, strength), share) for group, share in groups]
        return parts[0][0] if len(parts) == 1 else CrossFade(parts)

    def _groups(self, shares: Shares) -> list[tuple[Shares, float]]:
        """The styles that can be mixed by their weights together, each group with its share in the
        picture.
        """
        groups: dict[str, Shares] = {}
        for name, share in shares.items():
            groups.setdefault(self._bases[name] or f"only {name}", {})[name] = share
        totals = [sum(group.values()) for group in groups.values()]
        return [
            ({name: share / total for name, share in group.items()}, total)
            for group, total in zip(groups.values(), totals, strict=True)
        ]

    def _painter(self, group: Shares, strength: float) -> Paint:
        steps = {name: round(share * STEPS) for name, share in group.items()}
        parts = tuple((name, step / sum(steps.values())) for name, step in sorted(steps.items()) if step)
        # Strength is in the weights where there is a base; elsewhere the painting is faded into the photo,
        # which needs no steps.
        force, fade = (
            by_weights(strength) if catalogue.base(self._bases[parts[0][0]]) is not None else (1.0, strength)
        )
        force = round(force * STEPS) / STEPS
        if (parts, force) not in self._painters:
            # Room is made before, so that there are never more than that.
            while len(self._painters) >= KEPT:
                self._painters.popitem(last=False)
            self._painters[parts, force] = Painter(
                self._style(parts, force), replace(self._settings, strength=1.0)
            )
        self._painters.move_to_end((parts, force))
        return functools.partial(self._painters[parts, force].frame, fade=fade)

    def _style(self, parts: tuple[tuple[str, float], ...], force: float) -> Style:
        settings = self._settings
        if len(parts) == 1 and force == 1:
            return load_style(parts[0][0], settings.device, settings.threads, precision=settings.precision)
        return mixture(
            [(catalogue.locate(name), share) for name, share in parts],
            settings.device,
            settings.threads,
            force,
        )


def _text(shares: Shares) -> str:
    """As `load_style` takes it."""
    return (
        next(iter(shares))
        if len(shares) == 1
        else ",".join(f"{name}:{share!r}" for name, share in shares.items())
    )


class CrossFade:
    """Several paintings of one frame, laid over each other by their shares, which sum to 1."""

    def __init__(self, parts: list[tuple[Paint, float]]):
        self._parts = parts

    def __call__(self, photo: RGB) -> RGB:
        """As `Painter.frame`."""
        (first, total), *others = self._parts
        result = first(photo)
        for paint, share in others:
            total += share
            result = colors.fade(result, paint(photo), share / total)
        return result
