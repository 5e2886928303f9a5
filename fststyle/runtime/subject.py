"""Detect the subject of a frame with a network for salient object detection, and refine its edges.

The network is U2-Netp, the small version of U2-Net (Qin et al. 2020, "U2-Net: Going Deeper with Nested
U-Structure for Salient Object Detection", arXiv:2005.09007). Edges are refined with the filter of He and Sun
2015, "Fast Guided Filter" (arXiv:1505.00996). The average over time is not from these papers.
"""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import cv2
import numpy as np

from fststyle import catalogue
from fststyle.arrays import Array, Floats, Pixels
from fststyle.errors import InputError
from fststyle.runtime.session import open_session, run

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


SIDE = 320
"""Side of the network input in pixels."""
LOW, HIGH = 0.15, 0.85
"""Network outputs, 0..1, that are mapped to the mask values 0 (background) and 1 (subject). The mapping is
linear between them.
"""
RADIUS, EPSILON = 4, 1e-3
"""Radius of the guided filter in pixels of the network input, and its regularization constant, which is added
to the variance of luma in 0..1.
"""
PREVIOUS_SHARE = 0.5
"""Weight of the previous mask in the running average over frames."""
CUT = 0.15
"""Mean absolute change of the mask, 0..1, at or above which the previous mask is not used."""
# Mean and standard deviation of the RGB channels of ImageNet, for values in 0..1.
_MEAN = np.array((0.485, 0.456, 0.406), np.float32)
_DEVIATION = np.array((0.229, 0.224, 0.225), np.float32)


class Subject:
    """`mask.MaskSource` that selects the subject of each frame. The mask is a running average over frames.

    Use it from one thread, and call `mask_for` for the frames in order. The network runs on the CPU.

    Args:
        background: whether to select the background instead of the subject.
        threads: number of CPU threads; None uses one per core.

    Raises:
        StyleError: the network file is missing or damaged.
        DependencyError: ONNX Runtime is not installed.
    """

    def __init__(self, background: bool = False, threads: int | None = None):
        self._session = _session(threads)
        self._background = background
        self._before: Floats | None = None

    def reset(self) -> None:
        """Discard the state of the previous frame."""
        self._before = None

    def state(self) -> dict[str, Array]:
        """Return the state after the previous frame, which `restore` accepts, as a dict of named arrays.

        The dict is empty before the first frame.
        """
        return {} if self._before is None else {"subject": self._before}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Restore a state that the method `state` returned. An empty state discards the previous mask.

        Arrays with other names are ignored. Raises `InputError` if the shape or the type of the array is
        wrong.
        """
        before = state.get("subject")
        if before is not None and (before.shape != (SIDE, SIDE) or before.dtype != np.float32):
            raise InputError(
                f"the state of the subject mask is damaged: it is {before.dtype} {before.shape}, not float32"
                f" {(SIDE, SIDE)}"
            )
        self._before = before

    def mask_for(self, photo: Pixels, size: tuple[int, int]) -> Pixels:
        """Return the mask of the next frame, uint8 (H, W): from 0, not stylized, to 255, fully stylized, with
        intermediate values at soft edges.

        ``photo`` is the source frame, uint8 (h, w, 3) RGB, and ``size`` is (H, W), the size of the mask.
        Raises `InputError` if memory is insufficient, and `StyleError` if the network fails.
        """
        small = np.asarray(cv2.resize(photo, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)
        found = np.clip((self._found(small) - LOW) / (HIGH - LOW), 0, 1).astype(np.float32)
        if self._before is not None and np.abs(found - self._before).mean() < CUT:
            found = PREVIOUS_SHARE * self._before + (1 - PREVIOUS_SHARE) * found
        self._before = found
        height, width = size
        guide = cv2.cvtColor(
            np.asarray(cv2.resize(photo, (width, height), interpolation=cv2.INTER_LINEAR)), cv2.COLOR_RGB2GRAY
        )
        share = _guided(found, cv2.cvtColor(small / 255, cv2.COLOR_RGB2GRAY), guide.astype(np.float32) / 255)
        share = np.clip(1 - share if self._background else share, 0, 1)
        return np.rint(255 * share).astype(np.uint8)

    def _found(self, small: Floats) -> Floats:
        """Run the network on an image, float32 (SIDE, SIDE, 3) in 0..255.

        Returns its output, float32 (SIDE, SIDE): 1 where the subject is, 0 in the background.
        """
        scaled = (small / max(1.0, float(small.max())) - _MEAN) / _DEVIATION
        given, made = self._session.get_inputs()[0].name, self._session.get_outputs()[0].name
        feeds = {given: np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], np.float32)}
        return np.asarray(run(self._session, feeds, "subject", [made])[0][0, 0], np.float32)


@functools.lru_cache(maxsize=1)
def _session(threads: int | None) -> "InferenceSession":
    model = catalogue.load(catalogue.model("subject", ("subject",)))
    return open_session(model, "cpu", threads, "subject")[0]


def _guided(found: Floats, small: Floats, luma: Floats) -> Floats:
    """Upsample a mask to the size of a frame with the fast guided filter.

    In each window, an affine function of ``small`` is fitted to ``found``. The coefficients of these
    functions are upsampled, and the resulting function for each pixel is applied to ``luma``.

    Args:
        found: the mask to upsample, float32 (SIDE, SIDE) in 0..1.
        small: luma of the network input, float32 (SIDE, SIDE) in 0..1.
        luma: luma of the frame, float32 (H, W) in 0..1.

    Returns:
        float32 (H, W); values may be slightly outside 0..1.
    """
    side = 2 * RADIUS + 1

    def mean(values: Floats) -> Floats:
        result: Floats = cv2.blur(values, (side, side))
        return result

    about_luma, about_found = mean(small), mean(found)
    slope = (mean(small * found) - about_luma * about_found) / (mean(small * small) - about_luma**2 + EPSILON)
    offset = about_found - slope * about_luma
    height, width = luma.shape
    slope, offset = (cv2.resize(mean(part), (width, height)) for part in (slope, offset))
    return np.asarray(slope * luma + offset, np.float32)
