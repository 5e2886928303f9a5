"""Load styles in a background thread, so that changes of style, mix or strength do not delay the frames."""

import functools
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from fststyle import catalogue
from fststyle.arrays import RGB
from fststyle.errors import FststyleError
from fststyle.runtime.frame_stylizer import FrameStylizer, split_strength
from fststyle.runtime.settings import StylizeSettings
from fststyle.runtime.style import load_style, mixture
from fststyle.runtime.video.keyframes import Shares, parse_shares
from fststyle.runtime.video.transitions import CrossFade, StylizeFrame, grouped

MIX_STEPS = 16
"""The weights of a mixture are quantized to multiples of 1 / MIX_STEPS."""

STRENGTH_STEPS = 8
"""The strength of the network weights is quantized to multiples of 1 / STRENGTH_STEPS. Between two steps, the
output is blended with the source frame.
"""

MAX_NETWORKS = 24
"""Maximum number of networks in memory. Each step of a mixture or of a strength is a separate network."""

MAX_PRELOADED = 14
"""Maximum number of styles that are loaded in advance."""

Parts = tuple[tuple[str, float], ...]
"""Pairs of the name of a style and its share, sorted by name. The shares sum to 1."""


@dataclass(frozen=True)
class StyleBlend:
    """A requested mixture of styles.

    ``shares`` are pairs of the name of a style and its share; the shares sum to 1. ``strength`` is the style
    strength, 0..2.
    """

    shares: Parts
    strength: float


@dataclass(frozen=True)
class LoadedBlend:
    """A loaded mixture of styles.

    ``paint`` stylizes a frame, uint8 (H, W, 3), and accepts the keyword argument ``brush``, the brush size (1
    is the stroke size in training). ``name`` is the name to display, and ``names`` are the names of the
    styles.
    """

    paint: Callable[..., RGB]
    name: str
    names: frozenset[str]


class StyleLoader:
    """Loads the networks for mixtures of styles in a background thread.

    `at` does not block: it returns the most similar loaded mixture while the thread loads the requested one.
    `load` blocks. The constructor loads the first mixture, and raises the errors of `load_style`.

    Args:
        blend: the first mixture.
        settings: the settings for stylizing, except for style and strength, which are those of the mixture.
        preload: names of styles to load in advance while the thread is idle; only the first `MAX_PRELOADED`
            are loaded.
        on_failed: called in the thread when a requested network cannot be loaded, with the names of its
            styles and the reason.
        on_note: called with messages for the user.
    """

    def __init__(
        self,
        blend: StyleBlend,
        settings: StylizeSettings,
        preload: Iterable[str] = (),
        on_failed: Callable[[frozenset[str], str], None] = lambda names, reason: None,
        on_note: Callable[[str], None] = lambda note: None,
    ):
        self._settings = replace(settings, strength=1.0)
        self._on_failed, self._on_note, self._noted = on_failed, on_note, False
        self._painters: OrderedDict[tuple[Parts, float], FrameStylizer] = OrderedDict()
        self._bases: dict[str, str] = {}
        self._failed: dict[tuple[Parts, float], str] = {}
        self._wanted: list[tuple[Parts, float]] = []
        self._preload = list(preload)[:MAX_PRELOADED]
        self._size: tuple[int, int] | None = None
        self._stop = False
        self._changed = threading.Condition()
        self.load(blend)
        self._latest = cast(LoadedBlend, self._build(blend))  # not None, since its networks are loaded
        self._thread = threading.Thread(target=self._work, name="fststyle-styles", daemon=True)
        self._thread.start()

    def load(self, blend: StyleBlend) -> None:
        """Load the networks of a mixture in the calling thread. Raises the errors of `load_style`."""
        for name, _ in blend.shares:
            self._load((((name, 1.0),), 1.0))
        for key in self._keys(blend):
            self._load(key)

    def at(self, blend: StyleBlend, size: tuple[int, int]) -> LoadedBlend:
        """Return the loaded mixture that is most similar to ``blend``, without waiting.

        If no suitable network is loaded (see `_build`), the previous result is returned. Networks of
        ``blend`` that are not loaded are loaded in the background, except those that could not be loaded
        before. ``size`` is the size of the frames, (H, W).
        """
        with self._changed:
            self._size = size
            singles = [(((name, 1.0),), 1.0) for name, _ in blend.shares]
            known = all(name in self._bases for name, _ in blend.shares)
            keys = self._keys(blend) if known else singles
            self._wanted = [key for key in keys if key not in self._painters and key not in self._failed]
            if self._wanted:
                self._changed.notify()
            if known and (made := self._build(blend)) is not None:
                self._latest = made
            return self._latest

    def ready(self, blend: StyleBlend) -> bool:
        """Return whether all networks of a mixture are loaded."""
        with self._changed:
            return all(name in self._bases for name, _ in blend.shares) and all(
                key in self._painters for key in self._keys(blend)
            )

    def failures(self, blend: StyleBlend) -> list[tuple[frozenset[str], str]]:
        """Return the styles of a mixture that could not be loaded.

        Each item is a pair: a set with the name of one style, and the reason why it could not be loaded.
        """
        with self._changed:
            singles: list[tuple[Parts, float]] = [(((name, 1.0),), 1.0) for name, _ in blend.shares]
            return [
                (frozenset(name for name, _ in key[0]), self._failed[key])
                for key in singles
                if key in self._failed
            ]

    @property
    def loaded(self) -> int:
        """Number of networks in memory."""
        return len(self._painters)

    def close(self) -> None:
        """Stop the background thread. Waits for at most five seconds."""
        with self._changed:
            self._stop = True
            self._changed.notify()
        self._thread.join(5)

    def _keys(self, blend: StyleBlend) -> list[tuple[Parts, float]]:
        """Return the keys (shares, strength) of the networks of a mixture.

        There is one network for each group of styles with the same base network, since only their weights can
        be interpolated.
        """
        return [
            (_rounded(group), self._in_weights(group, blend.strength)[0])
            for group, _ in grouped(dict(blend.shares), self._bases)
        ]

    def _in_weights(self, group: Shares, strength: float) -> tuple[float, float]:
        """Return the part of the style strength, 0..2, that is applied to the network weights of ``group``.

        The result is the pair ``(rounded, exact)``. ``exact`` is the first factor of `split_strength`, and
        ``rounded`` is ``exact`` rounded up to a multiple of 1 / `STRENGTH_STEPS`, and at least one step. Both
        are 1 for styles without a base network.
        """
        if catalogue.base_network(self._bases[next(iter(group))]) is None:
            return 1.0, 1.0
        exact = split_strength(strength)[0]
        return max(1, math.ceil(exact * STRENGTH_STEPS - 1e-9)) / STRENGTH_STEPS, exact

    def _build(self, blend: StyleBlend) -> LoadedBlend | None:
        """Return the mixture of loaded networks that is most similar to ``blend``.

        Its styles are grouped by base network. Returns None if no network is loaded for one of the groups.
        """
        parts: list[tuple[StylizeFrame, float]] = []
        names: set[str] = set()
        titles = []
        for group, share in grouped(dict(blend.shares), self._bases):
            rounded, (wanted, exact) = _rounded(group), self._in_weights(group, blend.strength)
            key = self._nearest(rounded, wanted)
            if key is None:
                return None
            painter = self._painters[key]
            self._painters.move_to_end(key)
            fade = blend.strength
            if exact < 1 or key[1] < 1:
                # The remaining strength is a blend of pixels. A network with less than the requested strength
                # is used unchanged until the requested network is loaded.
                fade = split_strength(blend.strength)[1] * min(1.0, exact / key[1])
            parts.append((functools.partial(painter, fade=fade), share))
            names |= {name for name, _ in key[0]}
            titles.append(painter.style.name)
        if len(parts) == 1:
            return LoadedBlend(parts[0][0], titles[0], frozenset(names))
        if not self._noted:
            self._noted = True
            self._on_note(
                f"the weights of {' and '.join(titles)} cannot be mixed, so their stylized frames are"
                " cross-faded"
            )
        return LoadedBlend(_CrossFade(parts), "+".join(titles), frozenset(names))

    def _nearest(self, parts: Parts, strength: float) -> tuple[Parts, float] | None:
        """Return the key of the loaded network that is most similar to the shares ``parts`` and ``strength``.

        Only networks whose styles are all in ``parts`` are considered. A network with at least ``strength``
        is preferred. Returns None if there are no such networks.
        """
        shares = dict(parts)

        def distance(key: tuple[Parts, float]) -> float:
            found = dict(key[0])
            apart = sum(abs(share - found.get(name, 0.0)) for name, share in shares.items())
            # A higher strength is preferred, since blending with the source frame can reduce it.
            return apart + abs(key[1] - strength) / 4 + (10 if key[1] < strength else 0)

        usable = [key for key in self._painters if all(name in shares for name, _ in key[0])]
        return min(usable, key=distance, default=None)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (self._stop or self._wanted or self._next_preload()):
                    self._changed.wait()
                if self._stop:
                    return
                wanted = bool(self._wanted)
                key = self._wanted[0] if wanted else self._next_preload()[0]
                self._wanted = self._wanted[1:]
            try:
                self._load(key)
            except Exception as error:  # the filter continues without this style
                reason = (
                    str(error) if isinstance(error, FststyleError) else f"{type(error).__name__}: {error}"
                )
                with self._changed:
                    self._failed[key] = reason
                if wanted:
                    self._on_failed(frozenset(name for name, _ in key[0]), reason)

    def _next_preload(self) -> list[tuple[Parts, float]]:
        """Return a list with the key of the next network to load in advance, or an empty list."""
        keys: list[tuple[Parts, float]] = [(((name, 1.0),), 1.0) for name in self._preload]
        waiting = [key for key in keys if key not in self._failed and key[0][0][0] not in self._bases]
        return waiting[:1]

    def _load(self, key: tuple[Parts, float]) -> FrameStylizer:
        """Return the network with this key from the cache, after loading it if it is not cached.

        A newly loaded network is run once if the frame size is known. Raises the errors of `load_style`.
        """
        with self._changed:
            if (kept := self._painters.get(key)) is not None:
                return kept
        painter = self._painter(*key)
        size = self._size
        if size is not None:  # the first run allocates memory, and selects algorithms on a GPU
            painter(np.zeros((*size, 3), np.uint8))
        with self._changed:
            self._painters[key] = painter
            self._failed.pop(key, None)
            while len(self._painters) > MAX_NETWORKS:
                self._painters.popitem(last=False)
        return painter

    def _painter(self, parts: Parts, strength: float) -> FrameStylizer:
        settings = self._settings
        if len(parts) == 1 and strength == 1:
            style = load_style(parts[0][0], settings.device, settings.threads, precision=settings.precision)
            in_float = settings.precision != "int8"
            self._bases[parts[0][0]] = style.metadata.get("base", "") if in_float else ""
            return FrameStylizer(style, settings)
        entries = [(catalogue.locate(name), share) for name, share in parts]
        style = mixture(entries, settings.device, settings.threads, strength)
        return FrameStylizer(style, settings, full=self._load((parts, 1.0)).style if strength < 1 else None)


class _CrossFade(CrossFade):
    """`CrossFade` that passes keyword arguments, such as ``brush``, to each `FrameStylizer`."""

    def __call__(self, photo: RGB, **settings: float) -> RGB:
        parts: list[tuple[StylizeFrame, float]] = [
            (functools.partial(paint, **settings), share) for paint, share in self._parts
        ]
        return CrossFade(parts)(photo)


def blend_of(style: str, second: str, mix: float, strength: float) -> StyleBlend:
    """Return the mixture of ``style`` and ``second``, in which ``second`` has the weight ``mix``, 0..1.

    Both may be names of styles or mixtures, such as "udnie:0.6,great-wave:0.4". ``mix`` is rounded to a
    multiple of 1 / `MIX_STEPS`. An argument with weight 0 is ignored, even if its text is invalid.
    ``strength`` is the style strength, 0..2. Raises `InputError` for an invalid mixture.
    """
    mix = round(mix * MIX_STEPS) / MIX_STEPS
    shares: Shares = {}
    for text, part in ((style, 1 - mix), (second, mix)):
        if part:
            for name, share in parse_shares(text).items():
                shares[name] = shares.get(name, 0.0) + part * share
    return StyleBlend(tuple(sorted(shares.items())), strength)


def _rounded(group: Shares) -> Parts:
    """Round shares to multiples of 1 / `MIX_STEPS`, and divide them by their sum.

    Shares of 0 are dropped, except for the largest share, which is at least one step.
    """
    steps = {name: round(share * MIX_STEPS) for name, share in group.items()}
    if not any(steps.values()):
        steps[max(group, key=group.__getitem__)] = 1
    total = sum(steps.values())
    return tuple((name, step / total) for name, step in sorted(steps.items()) if step)
