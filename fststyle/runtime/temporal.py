"""Flicker suppression for streams of stylized frames.

A network stylizes each frame independently, so strokes change from frame to frame. The filter warps the
previous result along the optical flow between the source frames, and blends it with the new result where the
flow is reliable. This follows Ruder et al. 2016, "Artistic Style Transfer for Videos" (arXiv:1604.08610,
section 4), with one difference: consistency is enforced after the network, not by a loss. The filter
therefore works with every style without training.
"""

import functools
from collections.abc import Mapping
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from fststyle.arrays import RGB, Flow, Gray, PerPixel, Pixels
from fststyle.errors import InputError
from fststyle.io.resize import scaled_size

HOLD = 0.85
"""Weight of the warped previous result where the motion is certain."""
FULL_HOLD_STRENGTH = 0.5
"""Style strength at or above which the full `HOLD` is used. Weaker styles flicker less, and show ghosts of
earlier frames more clearly.
"""
MAX_LAG = 0.1
"""Maximum lag of the result behind a changing style or strength, as a fraction of the change."""
FLOW_SIDE = 192
"""Maximum longer side, in pixels, of the frames for optical flow (the flow size). The flow is computed up
to the full resolution of these frames.
"""
STILL = 0.25
"""Motion, in pixels at the flow size, below which pixels are not warped, since repeated subpixel warping
blurs.
"""
BLOCK = 12
"""Side, in pixels at the flow size, of the blocks that are warped only if something in them moves."""
SIMILAR, DIFFERENT = 5.0, 20.0
"""Differences of luma (in 0-255) between a frame and the warped previous frame. The flow is fully trusted up
to `SIMILAR`, and not at all at `DIFFERENT` or above.
"""
MOVING = 0.5, 1.5
"""Motion, in pixels at the flow size. The checks of `_unreliable` have no effect up to the first value, and
full effect at the second or above. Static areas do not need these checks, and would fail them because of
noise or leaves.
"""
COLOR_DIFFERENCE = 5.0, 18.0
"""Like `SIMILAR` and `DIFFERENT`, but for the color channel with the largest difference, since a face may
have the same luma as the wall behind it.
"""
SLACK = 0.1
"""Accepted color difference as a fraction of the local gradient. Subpixel warping changes sharp edges."""
FLOW_GRADIENT = 0.2, 0.5
"""Gradients of the flow, in pixels per pixel. Trust is full up to the first value, and zero at the second or
above, since strokes that are warped with a large gradient are folded.
"""
ROUND_TRIP = 1.0
"""Accepted distance, in pixels at the flow size, between a pixel and its position after following the flow to
the previous frame and back. A tenth of the motion is added to it. Pixels with a larger distance are treated
as disoccluded, as in Ruder et al. 2016, who use another bound.
"""
CUT = 0.25
"""Mean trust below which a frame starts a new scene."""
STROKE = 12
"""Side in pixels of the window in which the contrast of strokes is measured."""
CELL = 8
"""Side in pixels of the cells whose contrast is compared."""
LEAST_GAIN, LARGEST_GAIN = 1.05, 1.8
"""Contrast ratio above which contrast is restored, and the largest gain."""


def hold_for_strength(strength: float, change: float = 0.0) -> float:
    """Return the recommended ``hold`` of a `TemporalFilter` for frames with the given style strength.

    ``change`` is the amount by which the style or the strength changes from one frame to the next: 0 if
    neither changes, and 1 if the style is replaced by another.
    """
    # With hold h, the result is h / (1 - h) frames late on average.
    return min(HOLD * min(1.0, strength / FULL_HOLD_STRENGTH), MAX_LAG / (MAX_LAG + change))


class _Last(NamedTuple):
    """State that `TemporalFilter` keeps after each frame for the next one.

    ``scene`` is the source frame and ``gray`` its luma, both reduced for optical flow (`FLOW_SIDE`).
    ``painted`` is the result before its contrast is restored.
    """

    scene: RGB
    gray: Gray
    painted: RGB


class TemporalFilter:
    """Suppresses flicker in a stream of stylized frames. Call it with every frame in order.

    ``hold``, 0..1, is the weight of the warped previous result where the motion is certain. It may be changed
    between frames (see `hold_for_strength`). The stylized frame is used alone in disoccluded areas, where the
    motion is uncertain, and after a cut or a change of the frame size.
    """

    def __init__(self, hold: float = HOLD):
        self.hold = hold
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._flow.setFinestScale(0)
        self._flow.setGradientDescentIterations(6)
        self._flow.setVariationalRefinementIterations(2)
        self._last: _Last | None = None

    def reset(self) -> None:
        """Discard the state of the previous frame. The next frame is returned unchanged."""
        self._last = None

    def state(self) -> dict[str, Pixels]:
        """Return the state after the previous frame, which `restore` accepts, as a dict of named arrays.

        The dict is empty before the first frame.
        """
        if self._last is None:
            return {}
        return {name: array.copy() for name, array in self._last._asdict().items()}

    def restore(self, state: Mapping[str, Pixels]) -> None:
        """Restore a state that the method `state` returned. An empty state resets the filter.

        Arrays with other names are ignored. Raises `InputError` if an array is missing, or if its shape or
        type is wrong.
        """
        if not any(name in state for name in _Last._fields):
            return self.reset()
        if missing := [name for name in _Last._fields if name not in state]:
            raise InputError(f"the state of flicker suppression has no {' and no '.join(missing)}")
        scene, gray, painted = (state[name] for name in ("scene", "gray", "painted"))
        if scene.shape[:2] != gray.shape or any(array.dtype != "uint8" for array in (scene, gray, painted)):
            raise InputError("the state of flicker suppression is damaged")
        self._last = _Last(scene=scene, gray=gray, painted=painted)

    def __call__(self, frame: RGB, painted: RGB) -> RGB:
        """Return the filtered version of the next stylized frame as a new array.

        ``painted`` is the stylized frame, uint8 (H, W, 3) RGB, and ``frame`` is its source frame, uint8
        (h, w, 3) RGB. ``painted`` must not be modified before the next call.
        """
        scene, kept = _small(frame), painted
        gray = cv2.cvtColor(scene, cv2.COLOR_RGB2GRAY)
        if (
            (last := self._last) is not None
            and last.painted.shape == painted.shape
            and last.scene.shape == scene.shape
        ):
            kept = self._blended(last, scene, gray, painted)
        self._last = _Last(scene, gray, kept)
        # A copy, since the caller may draw on the result.
        return kept.copy() if kept is painted else _with_contrast(kept, painted)

    def _blended(self, last: _Last, scene: RGB, gray: Gray, painted: RGB) -> RGB:
        flow = self._flow.calc(gray, last.gray, None)
        trust = self._trust(last.gray, gray, flow)
        if trust.mean() < CUT:
            return painted
        motion = cv2.magnitude(flow[..., 0], flow[..., 1])
        trust *= 1 - _unreliable(last.scene, scene, flow) * (
            1 - _falling(cv2.dilate(motion, np.ones((3, 3), np.uint8)), *MOVING)
        )
        moving = motion >= STILL
        height, width = painted.shape[:2]
        flow *= np.array((width / scene.shape[1], height / scene.shape[0]), np.float32) * moving[..., None]
        warped = _warped(last.painted, cv2.resize(flow, (width, height)), moving)
        weight = cv2.resize(trust * np.float32(self.hold), (width, height))
        kept: RGB = cv2.blendLinear(warped, painted, weight, 1 - weight)
        return kept

    def _trust(self, gray_before: Gray, gray: Gray, flow: Flow) -> PerPixel:
        """Return the reliability of the flow at each pixel, float32 (h, w) in 0..1.

        ``gray_before`` and ``gray`` are the luma of the previous and the current source frame, uint8 (h, w),
        and ``flow``, float32 (h, w, 2), leads from the current frame to the previous one.
        """
        height, width = gray.shape
        there = flow + _grid(height, width)
        before = cv2.remap(gray_before, there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        difference = cv2.blur(cv2.absdiff(gray, before), (5, 5)).astype(np.float32)
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
        trust = _falling(difference, SIMILAR, DIFFERENT) * (missed < ROUND_TRIP) * inside
        # Eroded and blurred, since a hard edge between the old and the new result is visible.
        soft: PerPixel = cv2.blur(cv2.erode(trust.astype(np.float32), np.ones((3, 3), np.uint8)), (5, 5))
        return soft


def _with_contrast(kept: RGB, painted: RGB) -> RGB:
    """Return the blended frame ``kept`` with its local contrast raised toward that of ``painted``.

    Blending misaligned strokes reduces contrast, mostly in moving areas. The result is not used as the state
    for the next frame, since the gain would accumulate.
    """
    gain = np.clip(_contrast(painted) / (_contrast(kept) * LEAST_GAIN), 1, LARGEST_GAIN)
    rows, columns = (np.flatnonzero((gain > 1).any(axis)) for axis in (1, 0))
    shown = kept.copy()
    if not len(rows):
        return shown
    # Process only the region with a gain, plus one cell around it, over which the gain fades.
    top, left, bottom, right = max(0, rows[0] - 1), max(0, columns[0] - 1), rows[-1] + 2, columns[-1] + 2
    (height, width), (tall, wide) = kept.shape[:2], gain.shape
    down = slice(round(top * height / tall), round(min(bottom, tall) * height / tall))
    part = (down, slice(round(left * width / wide), round(min(right, wide) * width / wide)))
    soft = cv2.blur(kept[part], (STROKE, STROKE))
    more = cv2.resize(gain[top:bottom, left:right], (soft.shape[1], soft.shape[0]))
    shown[part] = cv2.blendLinear(kept[part], soft, more, 1 - more)
    return shown


def _contrast(picture: RGB) -> PerPixel:
    """Return the local contrast of an image for each cell of `CELL` x `CELL` pixels, float32 (rows, columns).

    It is the mean absolute difference between luma and its local mean, smoothed over neighboring cells, plus
    0.5.
    """
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    cells = (max(1, gray.shape[1] // CELL), max(1, gray.shape[0] // CELL))
    difference = cv2.resize(
        cv2.absdiff(gray, cv2.blur(gray, (STROKE, STROKE))), cells, interpolation=cv2.INTER_AREA
    )
    result: PerPixel = cv2.blur(difference.astype("float32"), (5, 5)) + 0.5
    return result


def _warped(painted: RGB, flow: Flow, moving: NDArray[np.bool_]) -> RGB:
    """Return ``painted``, the previous result, uint8 (H, W, 3), warped along ``flow``.

    ``flow``, float32 (H, W, 2) in pixels, x before y, leads from the current frame to the previous one.
    ``moving``, bool (h, w), marks the moving pixels in the frame that is reduced for optical flow. Only
    blocks that contain moving pixels are warped, since warping is expensive.
    """
    result, (height, width) = painted.copy(), flow.shape[:2]
    tall, wide = height / moving.shape[0], width / moving.shape[1]
    for top in range(0, moving.shape[0], BLOCK):
        for left in range(0, moving.shape[1], BLOCK):
            # Include one more pixel on each side, since the flow is interpolated between pixels.
            if not moving[max(0, top - 1) : top + BLOCK + 1, max(0, left - 1) : left + BLOCK + 1].any():
                continue
            rows = slice(round(top * tall), round(min(top + BLOCK, moving.shape[0]) * tall))
            columns = slice(round(left * wide), round(min(left + BLOCK, moving.shape[1]) * wide))
            there = flow[rows, columns] + _grid(height, width)[rows, columns]
            # Cubic interpolation, since the result is warped again with every frame, and linear interpolation
            # would blur it.
            result[rows, columns] = cv2.remap(
                painted, there, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
            )
    return result


def _unreliable(scene_before: RGB, scene: RGB, flow: Flow) -> PerPixel:
    """Return how unreliable the flow is at each pixel, float32 (h, w) from 0 (reliable) to 1.

    ``scene_before`` and ``scene`` are the previous and the current source frame, uint8 (h, w, 3), and
    ``flow``, float32 (h, w, 2), leads from the current frame to the previous one. Use the result in moving
    areas only, since noise makes static areas appear unreliable.
    """
    before = cv2.remap(
        scene_before, flow + _grid(*flow.shape[:2]), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    sharp = cv2.morphologyEx(scene, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    difference = cv2.blur(
        cv2.subtract(cv2.absdiff(scene, before), (sharp * SLACK).astype(np.uint8)).max(2), (5, 5)
    ).astype(np.float32)
    similar = cv2.blur(cv2.erode(_falling(difference, *COLOR_DIFFERENCE), np.ones((3, 3), np.uint8)), (3, 3))
    across, down = (cv2.Sobel(flow, cv2.CV_32F, *axis, ksize=3, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    gradient = cv2.blur(
        np.sqrt(cv2.magnitude(*cv2.split(across)) ** 2 + cv2.magnitude(*cv2.split(down)) ** 2), (3, 3)
    )
    result: PerPixel = 1 - similar * _falling(gradient, *FLOW_GRADIENT)
    return result


def _small(frame: RGB) -> RGB:
    """Return the frame, uint8 (H, W, 3), reduced for optical flow to a longer side of at most `FLOW_SIDE`.

    A side below 16 pixels becomes 16.
    """
    height, width = frame.shape[:2]
    scale = min(1.0, FLOW_SIDE / max(height, width))
    # Optical flow needs at least 16 pixels per side.
    size = scaled_size((height, width), scale, 16)
    while (
        not (frame.shape[0] % 2 or frame.shape[1] % 2)
        and frame.shape[1] >= 2 * size[0]
        and frame.shape[0] >= 2 * size[1]
    ):
        # OpenCV is faster for a factor of exactly one half.
        frame = cv2.resize(frame, (frame.shape[1] // 2, frame.shape[0] // 2), interpolation=cv2.INTER_AREA)
    result: RGB = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return result


def _falling(values: PerPixel, full: float, none: float) -> PerPixel:
    """Map each value to a weight that is 1 up to the value ``full``, decreases linearly, and is 0 from
    ``none`` on.
    """
    result: PerPixel = np.clip((none - values) / (none - full), 0, 1)
    return result


@functools.lru_cache(maxsize=4)
def _grid(height: int, width: int) -> Flow:
    """Return the coordinates of every pixel, float32 (H, W, 2), x before y.

    The result is cached, so it must not be modified.
    """
    return np.dstack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)))
