"""Optical flow between consecutive frames of a shot, and the temporal loss along it."""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fststyle.arrays import RGB

DIFFERENT = 20.0
"""Limit of the difference between a frame and the warped previous frame. The flow is reliable only where the
difference is below this limit. It is measured as the largest absolute difference of the color channels
(0-255), averaged over 5x5 pixels.
"""


class Motion(NamedTuple):
    """Optical flow from a frame to the previous one.

    Args:
        there: for each pixel of the frame, its position (x, y) in the previous frame, (1, H, W, 2), in the
            coordinates of `torch.nn.functional.grid_sample` with ``align_corners=True``. Values in -1..1 are
            positions within the frame; values beyond that range are outside it.
        certain: 1 where the flow is reliable, otherwise 0, (1, 1, H, W).
    """

    there: Tensor
    certain: Tensor


def motion(before: RGB, after: RGB) -> Motion:
    """Return the optical flow from the frame `after` to the previous frame `before`, uint8 (H, W, 3) each.

    The flow is computed with DIS optical flow (Kroeger et al. 2016). It is reliable where it passes the
    forward-backward check of Ruder et al. 2016 (arXiv:1604.08610, equation 9), points to a position within
    the frame, and leads to a similar color (`DIFFERENT`).
    """
    old, new = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (before, after))
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow, reverse = method.calc(new, old, None), method.calc(old, new, None)
    height, width = new.shape
    grid = np.dstack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)))
    there = grid + flow
    back = cv2.remap(reverse, there, None, cv2.INTER_LINEAR)
    missed = np.square(flow + back).sum(2) > 0.01 * (np.square(flow).sum(2) + np.square(back).sum(2)) + 0.5
    inside = (there >= 0).all(2) & (there <= (width - 1, height - 1)).all(2)
    moved = cv2.remap(before, there, None, cv2.INTER_LINEAR)
    similar = cv2.blur(cv2.absdiff(moved, after).max(2), (5, 5)) < DIFFERENT
    scaled = there * np.array((2 / max(1, width - 1), 2 / max(1, height - 1)), np.float32) - 1
    certain = torch.from_numpy((inside & ~missed & similar).astype(np.float32))
    return Motion(torch.from_numpy(scaled.astype(np.float32))[None], certain[None, None])


def motion_loss(before: Tensor, after: Tensor, moved: Motion) -> Tensor:
    """Return the temporal loss, (1,): mean squared error of pixel values in 0-255 between a stylized frame
    and the stylized previous frame, warped by the flow. Where the flow is not reliable, the error is 0.

    This is the short-term temporal loss of Ruder et al. 2016 (arXiv:1604.08610), between two outputs of a
    network. The gradient flows to both frames.

    Args:
        before, after: the stylized frames, (1, 3, H, W) in [-1, 1].
        moved: the flow from `after` to `before`.
    """
    warped = F.grid_sample(before, moved.there, padding_mode="border", align_corners=True)
    difference: Tensor = ((warped - after) * 127.5).square() * moved.certain
    return difference.mean((1, 2, 3))
