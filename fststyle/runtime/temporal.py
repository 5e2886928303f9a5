"""Steady pictures: what was painted a frame ago moves along with the scene, and is kept where it still fits.

A style network paints each frame anew, so its strokes dance. Optical flow between the camera's frames says
where each part of the scene was; the last painting, moved along it, stands in for the new one as far as the
flow can be trusted. As in Ruder et al. 2016, "Artistic Style Transfer for Videos" (arXiv:1604.08610, section
4), but after the network instead of in a loss: it needs no training, so every style can have it.
"""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from fststyle.arrays import RGB, Flow, Gray, PerPixel
from fststyle.errors import InputError

HOLD = 0.85
"""How much of the old painting is kept where the motion is certain."""
HALF = 0.5
"""Strength of the painting from which on it is kept so; a fainter one flickers less, and of the photo itself
every trace of an old frame is seen.
"""
BEHIND = 0.1
"""How far what is kept may stay behind a style or strength that is changing, as a part of the whole way."""
FLOW_SIDE = 192
"""Longer side at which motion is measured, in pixels: enough for what moves in a picture, and a few
milliseconds at any size. Followed down to the last pixel it is truer than on 256 pixels down to half of them,
as it once was: a fifth to a third less warping error, for twice the time.
"""
STILL = 0.25
"""Motion below this, in pixels of the small size, counts as none: a picture moved by fractions of a pixel,
frame after frame, would blur.
"""
SQUARE = 12
"""Side of the squares of the small size that are moved, or left alone, as one."""
ALIKE, UNLIKE = 5.0, 20.0
"""Levels of 0..255 between a place in the scene and where the flow found it: full trust up to the first, none
from the second.
"""
MOVING = 0.5, 1.5
"""Pixels of motion between which two more questions come in: what rests is kept more willingly, for noise and
leaves would fail them, and nothing is lost.
"""
TINTED = 5.0, 18.0
"""As `ALIKE` and `UNLIKE`, in any one colour: a face is as light as the wall that it uncovers, and no other
question finds it there.
"""
SLACK = 0.1
"""Part of the difference between neighbours that a colour may be off by: a picture moved by parts of a pixel
is, wherever it is sharp.
"""
BENT = 0.2, 0.5
"""Change of the motion from one pixel to the next: full trust up to the first, none from the second.

Strokes that are moved along it fold into a comb.
"""
THERE_AND_BACK = 1.0
"""Pixels that the flow from a frame to the last one and back may miss the start by, plus a tenth of the
motion; beyond it the place was hidden.
"""
CUT = 0.25
"""Part of the picture that must be trusted; below, it is a new scene."""
STROKE = 12
"""Pixels of the painting within which its contrast is that of strokes."""
CELL = 8
"""Side of the squares of pixels whose contrast is compared."""
ENOUGH, MOST = 1.05, 1.8
"""How many times the contrast of what was kept the painted frame's must be before it is given back, beyond
that, and by how much at most.
"""


def held(strength: float, change: float = 0.0) -> float:
    """The ``hold`` of `Steady` for a painting of this strength, of which a part ``change`` is exchanged from
    one frame to the next.
    """
    # What is kept by h stays h / (1 - h) frames behind.
    return min(HOLD * min(1.0, strength / HALF), BEHIND / (BEHIND + change))


class _Last(NamedTuple):
    """What is remembered of a frame: the scene and its light in the small size, and what it was painted
    as.
    """

    scene: RGB
    gray: Gray
    painted: RGB


class Steady:
    """Keeps a stream of painted frames steady; called with every frame in turn.

    ``hold``, 0..1, which may be changed between two frames (`held`): how much of the old painting is kept
    where the motion is certain. What was hidden, is new or uncertain comes as it is painted, and so does
    everything after a cut or a change of size.
    """

    def __init__(self, hold: float = HOLD):
        self.hold = hold
        self._flow: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._flow.setFinestScale(0)
        self._flow.setGradientDescentIterations(6)
        self._flow.setVariationalRefinementIterations(2)
        self._last: _Last | None = None

    def reset(self) -> None:
        """Forget the last frame: the next one comes as it is painted."""
        self._last = None

    def state(self) -> dict[str, NDArray[np.uint8]]:
        """What the next frame needs of the last one: arrays by name, none before the first frame. For
        `restore`.
        """
        if self._last is None:
            return {}
        return {name: array.copy() for name, array in self._last._asdict().items()}

    def restore(self, state: Mapping[str, NDArray[np.uint8]]) -> None:
        """Go on after the frame at which `state` was called. Raises `InputError` for arrays that do not
        fit.
        """
        if not any(name in state for name in _Last._fields):
            return self.reset()
        if missing := [name for name in _Last._fields if name not in state]:
            raise InputError(f"the state of flicker suppression lacks {', '.join(missing)}")
        scene, gray, painted = (state[name] for name in ("scene", "gray", "painted"))
        if scene.shape[:2] != gray.shape or any(array.dtype != "uint8" for array in (scene, gray, painted)):
            raise InputError("the state of flicker suppression is damaged")
        self._last = _Last(scene=scene, gray=gray, painted=painted)

    def __call__(self, frame: RGB, painted: RGB) -> RGB:
        """The camera's frame, uint8 (h, w, 3), and its painting, uint8 (H, W, 3) -> the steady painting, an
        array of its own of the same shape.
        """
        scene, kept = _small(frame), painted
        gray = cv2.cvtColor(scene, cv2.COLOR_RGB2GRAY)
        if (
            (last := self._last) is not None
            and last.painted.shape == painted.shape
            and last.scene.shape == scene.shape
        ):
            kept = self._kept(last, scene, gray, painted)
        self._last = _Last(scene, gray, kept)
        # What is given away may be drawn upon; what is remembered may not.
        return kept.copy() if kept is painted else _crisp(kept, painted)

    def _kept(self, last: _Last, scene: RGB, gray: Gray, painted: RGB) -> RGB:
        flow = self._flow.calc(gray, last.gray, None)
        trust = self._trust(last.gray, gray, flow)
        if trust.mean() < CUT:
            return painted
        motion = cv2.magnitude(flow[..., 0], flow[..., 1])
        trust *= 1 - _doubt(last.scene, scene, flow) * (
            1 - _falling(cv2.dilate(motion, np.ones((3, 3), np.uint8)), *MOVING)
        )
        moving = motion >= STILL
        height, width = painted.shape[:2]
        flow *= np.array((width / scene.shape[1], height / scene.shape[0]), np.float32) * moving[..., None]
        moved = _moved(last.painted, cv2.resize(flow, (width, height)), moving)
        weight = cv2.resize(trust * np.float32(self.hold), (width, height))
        kept: RGB = cv2.blendLinear(moved, painted, weight, 1 - weight)
        return kept

    def _trust(self, gray_before: Gray, gray: Gray, flow: Flow) -> PerPixel:
        """How surely each place of the scene was where the flow says: float32 (h, w) in 0..1."""
        height, width = gray.shape
        there = flow + _grid(height, width)
        before = cv2.remap(gray_before, there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        unlike = cv2.blur(cv2.absdiff(gray, before), (5, 5)).astype(np.float32)
        back = cv2.remap(
            self._flow.calc(gray_before, gray, None),
            there,
            None,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        missed = cv2.magnitude(*cv2.split(flow + back)) - 0.1 * cv2.magnitude(*cv2.split(flow))
        inside = (
            (there[..., 0] >= 0)
            & (there[..., 0] <= width - 1)
            & (there[..., 1] >= 0)
            & (there[..., 1] <= height - 1)
        )
        trust = _falling(unlike, ALIKE, UNLIKE) * (missed < THERE_AND_BACK) * inside
        # A little smaller than what is certain, with soft edges: a hard rim between old and new would show.
        soft: PerPixel = cv2.blur(cv2.erode(trust.astype(np.float32), np.ones((3, 3), np.uint8)), (5, 5))
        return soft


def _crisp(kept: RGB, painted: RGB) -> RGB:
    """``kept`` with the contrast of ``painted``, where it has less: strokes that do not meet wear each other
    off, most of all on what moves.

    Only for showing. Remembered, it would be amplified again with every frame.
    """
    gain = np.clip(_contrast(painted) / (_contrast(kept) * ENOUGH), 1, MOST)
    rows, columns = (np.flatnonzero((gain > 1).any(axis)) for axis in (1, 0))
    shown = kept.copy()
    if not len(rows):
        return shown
    # The rest of the picture is spared, but for a cell around, over which the gain fades.
    top, left, bottom, right = max(0, rows[0] - 1), max(0, columns[0] - 1), rows[-1] + 2, columns[-1] + 2
    (height, width), (tall, wide) = kept.shape[:2], gain.shape
    down = slice(round(top * height / tall), round(min(bottom, tall) * height / tall))
    part = (down, slice(round(left * width / wide), round(min(right, wide) * width / wide)))
    soft = cv2.blur(kept[part], (STROKE, STROKE))
    more = cv2.resize(gain[top:bottom, left:right], (soft.shape[1], soft.shape[0]))
    shown[part] = cv2.blendLinear(kept[part], soft, more, 1 - more)
    return shown


def _contrast(picture: RGB) -> PerPixel:
    """Mean distance of the light of each cell from its surroundings: float32, (H / `CELL`, W / `CELL`), above
    0.
    """
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    cells = (max(1, gray.shape[1] // CELL), max(1, gray.shape[0] // CELL))
    away = cv2.resize(
        cv2.absdiff(gray, cv2.blur(gray, (STROKE, STROKE))), cells, interpolation=cv2.INTER_AREA
    )
    return cv2.blur(away.astype("float32"), (5, 5)) + 0.5


def _moved(painted: RGB, flow: Flow, moving: NDArray[np.bool_]) -> RGB:
    """The last `painted` frame moved along `flow`, (H, W, 2) in its own pixels; only where something is
    `moving`, (h, w), for this is the dearest part.
    """
    last, (height, width) = painted.copy(), flow.shape[:2]
    tall, wide = height / moving.shape[0], width / moving.shape[1]
    for top in range(0, moving.shape[0], SQUARE):
        for left in range(0, moving.shape[1], SQUARE):
            # One more on each side: the flow between two of its places is made of both.
            if not moving[max(0, top - 1) : top + SQUARE + 1, max(0, left - 1) : left + SQUARE + 1].any():
                continue
            rows = slice(round(top * tall), round(min(top + SQUARE, moving.shape[0]) * tall))
            columns = slice(round(left * wide), round(min(left + SQUARE, moving.shape[1]) * wide))
            there = flow[rows, columns] + _grid(height, width)[rows, columns]
            # Cubic: the picture is moved again with every frame, and linear steps add up to a blur.
            last[rows, columns] = cv2.remap(
                painted, there, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
            )
    return last


def _doubt(scene_before: RGB, scene: RGB, flow: Flow) -> PerPixel:
    """What speaks against the flow where something moves: float32 (h, w) in 0..1."""
    before = cv2.remap(
        scene_before, flow + _grid(*flow.shape[:2]), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    sharp = cv2.morphologyEx(scene, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    tinted = cv2.blur(
        cv2.subtract(cv2.absdiff(scene, before), (sharp * SLACK).astype(np.uint8)).max(2), (5, 5)
    ).astype(np.float32)
    alike = cv2.blur(cv2.erode(_falling(tinted, *TINTED), np.ones((3, 3), np.uint8)), (3, 3))
    across, down = (cv2.Sobel(flow, cv2.CV_32F, *axis, ksize=3, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    bent = cv2.blur(
        np.sqrt(cv2.magnitude(*cv2.split(across)) ** 2 + cv2.magnitude(*cv2.split(down)) ** 2), (3, 3)
    )
    return 1 - alike * _falling(bent, *BENT)


def _small(frame: RGB) -> RGB:
    """The frame in the size in which motion is looked for, in its colours."""
    height, width = frame.shape[:2]
    scale = min(1.0, FLOW_SIDE / max(height, width))
    # The flow wants 16 pixels a side, at least.
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    while (
        not (frame.shape[0] % 2 or frame.shape[1] % 2)
        and frame.shape[1] >= 2 * size[0]
        and frame.shape[0] >= 2 * size[1]
    ):
        # exact halves are several times faster
        frame = cv2.resize(frame, (frame.shape[1] // 2, frame.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)


def _falling(values: PerPixel, full: float, none: float) -> PerPixel:
    """1 up to `full`, 0 from `none` on."""
    return np.clip((none - values) / (none - full), 0, 1)


@functools.lru_cache(maxsize=4)
def _grid(height: int, width: int) -> Flow:
    """The place of every pixel, float32 (H, W, 2), x before y."""
    return np.dstack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)))
