"""`fststyle restore`: fill cracks and missing parts of a painting in the style of their surroundings.

    import fststyle
    fststyle.restore("damaged.jpg", "mask.png").save("restored.png")

Only the pixels in the mask change. Their initial values are those of OpenCV's inpainting (Telea 2004). Adam
then optimizes them, from coarse to fine, for a style, a patch, a color and a tone loss against the
surroundings (`fststyle.train.restore.loss`). Thin cracks are optimized at one scale, without a style loss,
and only in lightness.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from fststyle.arrays import RGB
from fststyle.errors import InputError
from fststyle.io import images
from fststyle.io.convert import ImageLike, to_picture
from fststyle.mixture import weights
from fststyle.settings import check, unknown
from fststyle.train import loop
from fststyle.train.compute import Compute, computing
from fststyle.train.data.loader import to_tensor
from fststyle.train.image_loop import run_image_loop
from fststyle.train.networks.vgg import VGG16, load_vgg, named, repeat_edges
from fststyle.train.restore.loss import Surroundings, Terms
from fststyle.train.restore.settings import RestoreSettings
from fststyle.train.restore.windows import Hole, Part, halved, inpainted, parts, scale_count

CRACK_COLOR = 3.0
"""Factor by which the weight of the color loss is multiplied in cracks. Feature patches alone leave noise of
single pixels.
"""
CHOICE_EVERY = 5
"""Number of iterations between searches for the most similar patches."""


def restore(
    damaged: ImageLike,
    mask: str | Path,
    *,
    on_start: Callable[[str], None] | None = None,
    on_progress: Callable[[loop.Progress], None] | None = None,
    on_preview: Callable[[Any], None] | None = None,
    **settings: Any,
) -> Any:
    """Fill the damaged pixels of one image in the style of their surroundings.

    Args:
        damaged: a `Picture`, a path, the bytes of an image file, an open binary file, a Pillow image or a
            uint8 array (H, W, 3 or 4). If it is an animation, only its first frame is used.
        mask: the file of the mask, an image of the same size: white where the image is damaged, black
            elsewhere; see `read_mask`.
        on_start: called once with a message about the damage and the device.
        on_progress: called after each iteration, with the weighted losses.
        on_preview: called with the current image, of the same type as the result, every ``preview_every``
            iterations, at the end and on interruption.
        settings: the other fields of `RestoreSettings`.

    Returns:
        An array if `damaged` is an array, a `Picture` if it is a `Picture`, otherwise a Pillow image. The
        pixels outside the mask, the alpha channel and the color profile are those of the input.

    Raises:
        InputError: a setting is invalid, an image cannot be used, the mask has a different size or marks no
            pixel or every pixel as damaged, or a part of the damage has almost no intact surroundings.
        DeviceError: the requested device is not available.
        TrainingError: the objective is not finite, or memory is exhausted.
        Interrupted: SIGINT (Ctrl-C), SIGTERM or SIGHUP, after a call of `on_preview`.
    """
    try:
        chosen = RestoreSettings(mask=Path(mask), **settings)
    except TypeError as error:
        raise unknown("restore", error) from error
    return restore_image(damaged, chosen, on_start=on_start, on_progress=on_progress, on_preview=on_preview)


def restore_image(
    damaged: ImageLike,
    settings: RestoreSettings,
    *,
    on_start: Callable[[str], None] | None = None,
    on_progress: Callable[[loop.Progress], None] | None = None,
    on_preview: Callable[[Any], None] | None = None,
) -> Any:
    """Like `restore`, with a settings object."""
    check(settings)
    image, convert_back = to_picture(damaged)
    frame = image.frames[0]
    hole = read_mask(settings.mask, image.size)
    with computing(settings.device, settings.precision, None) as compute:
        canvas = _Canvas(frame.rgb, hole, settings, compute)
        if on_start:
            pixels, count = int(hole.sum()), len(canvas.parts)
            on_start(
                f"restoring {pixels} pixel{'s' * (pixels != 1)} ({100 * pixels / hole.size:.3g} %) in {count}"
                f" part{'s' * (count != 1)} on {compute.device}"
            )

        def result() -> Any:
            return convert_back(replace(frame, rgb=canvas.image()))

        return run_image_loop(
            canvas.step,
            canvas.stages,
            [canvas.parts[stage.part].hole.size / 4**stage.halvings for stage in canvas.stages],
            iterations=settings.iterations,
            preview_every=settings.preview_every,
            compute=compute,
            result=result,
            on_progress=on_progress,
            on_preview=on_preview,
            leaner="a smaller --context",
        )


def read_mask(path: Path, size: tuple[int, int]) -> Hole:
    """Read a mask as bool (H, W), True where the image is damaged.

    A pixel counts as damaged if its gray value, 0-255, multiplied by its opacity, 0 to 1, is at least 128.

    Args:
        path: the image file of the mask.
        size: the size (H, W) of the damaged image.

    Raises:
        InputError: the mask cannot be read, has a different size, or marks no pixel or every pixel as
            damaged.
    """
    mask = images.read(path)
    if mask.size != size:
        (rows, columns), (height, width) = mask.size, size
        raise InputError(
            f"{path}: the mask has {columns}x{rows} pixels and the image {width}x{height}; the sizes must be"
            " equal"
        )
    frame = mask.frames[0]
    light = cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    if frame.alpha is not None:
        light *= frame.alpha / np.float32(255)
    hole = np.asarray(light >= 128)
    if not hole.any():
        raise InputError(f"{path}: the mask marks no pixel as damaged; paint the damage white")
    if hole.all():
        raise InputError(f"{path}: the mask marks every pixel as damaged; paint the intact pixels black")
    return hole


@dataclass(frozen=True)
class _Stage:
    """A stage of the restoration, which optimizes one part of the damage at one scale.

    Args:
        part: index of the part in `_Canvas.parts`.
        halvings: how many times the size of the part is halved; 0 for full size.
    """

    part: int
    halvings: int


class _Canvas:
    """The image during the restoration. The parts of the damage are restored one after the other, each from
    coarse to fine.

    Args:
        rgb: the damaged image, uint8 (H, W, 3).
        hole: the damaged pixels, bool (H, W).
        settings: weights, layers, scales and learning rate.
        compute: device and precision.
    """

    def __init__(self, rgb: RGB, hole: Hole, settings: RestoreSettings, compute: Compute):
        self.settings, self.compute = settings, compute
        self.vgg = compute.place(repeat_edges(load_vgg(settings.vgg)))
        self.terms = {
            "style_layers": dict(weights(settings.style_layers, "--style-layers")),
            "patch_layers": dict(weights(settings.patch_layers, "--patch-layers")),
            **{f"{name}_weight": getattr(settings, f"{name}_weight") for name in Terms._fields},
        }
        # A crack has too few positions for a Gram matrix.
        more = CRACK_COLOR * settings.color_weight
        self._crack_terms = {**self.terms, "style_weight": 0.0, "color_weight": more}
        named(*self.terms["style_layers"], *self.terms["patch_layers"])
        self.rgb, self.missing = inpainted(rgb, hole), hole.copy()
        self.rgb[~hole] = intact = rgb[~hole]
        # If three channels of a gray image were optimized, the result would have colored specks.
        self.gray = bool((intact == intact[:, :1]).all())
        self.parts: list[Part] = parts(hole, settings.context)
        self.stages = [
            _Stage(number, halvings)
            for number, part in enumerate(self.parts)
            for halvings in reversed(range(scale_count(part.hole, settings.scales)))
        ]
        self.stage: _Stage | None = None
        self.work: _Work | None = None

    def step(self, number: int, stage: _Stage) -> dict[str, Tensor]:
        """Run one iteration of the restoration.

        Args:
            number: index of the iteration, counted from 0 over all stages.
            stage: the stage that the iteration belongs to.

        Returns:
            The weighted losses before the iteration, by name, and their sum as "total".
        """
        if self.work is None or stage != self.stage:
            self.work = self._begin(stage)
        done = number % self.settings.iterations
        rate = self.settings.learning_rate * (1 - 0.9 * done / self.settings.iterations)
        with self.compute.autocast():
            return self.work.step(rate, done % CHOICE_EVERY == 0)

    def _begin(self, stage: _Stage) -> "_Work":
        """Store the result of the current stage, make `stage` the current one, and return its optimization.

        The optimization starts from the result of the previous stage if both stages belong to the same part,
        and otherwise from the inpainting of OpenCV.

        Raises:
            InputError: at full size, the surroundings of the part contain no intact patch.
        """
        self.keep()
        part = self.parts[stage.part]
        spared = self.missing[part.place] & ~part.hole
        rgb, hole = self.rgb[part.place], part.hole
        for _ in range(stage.halvings):
            rgb, hole, spared = halved(rgb, hole, spared)
        before = self.work if self.stage and self.stage.part == stage.part else None
        smooth = start = inpainted(rgb, hole | spared)
        if before is not None:
            size = (rgb.shape[1], rgb.shape[0])
            start = np.asarray(cv2.resize(before.image(), size, interpolation=cv2.INTER_CUBIC), np.uint8)
        rgb, start = np.where(hole[..., None], smooth, rgb), start[hole]
        crack = scale_count(part.hole, 2) == 1
        terms = self._crack_terms if crack else self.terms
        self.stage = stage
        # Optimizing three channels would leave colored specks in cracks.
        work = _Work(self.vgg, rgb, start, hole, spared, self.compute, terms, self.gray or crack)
        if not stage.halvings and not work.loss.has_patches:
            (rows, columns), (height, width) = part.place, part.hole.shape
            raise InputError(
                f"almost nothing is intact in the area of {width}x{height} pixels that begins at column"
                f" {columns.start}, row {rows.start}; use a larger --context or a smaller mask"
            )
        return work

    def keep(self) -> None:
        """Copy the restored pixels of the current part to the image if the current stage is at full size."""
        if self.work is None or self.stage is None:
            return
        part = self.parts[self.stage.part]
        if self.stage.halvings:
            return
        self.rgb[part.place][part.hole] = self.work.image()[part.hole]
        self.missing[part.place][part.hole] = False

    def image(self) -> RGB:
        """Return a copy of the current image, uint8 (H, W, 3). Parts that are not yet at full size contain
        the inpainting of OpenCV.
        """
        self.keep()
        return self.rgb.copy()


class _Work:
    """The optimization of one part at one scale.

    Args:
        vgg: the loss network.
        rgb: the part with its surroundings and a smooth filling of the hole, uint8 (H, W, 3).
        start: initial values of the optimized pixels, uint8 (pixels, 3).
        hole: the pixels that are optimized, bool (H, W).
        spared: the pixels that are neither changed nor used as targets, bool (H, W).
        compute: device and precision.
        terms: the layers and the weights of the losses, as keyword arguments of `Surroundings`.
        light: True to optimize only the lightness, which is one value per pixel that is added to all three
            channels.
    """

    def __init__(
        self,
        vgg: VGG16,
        rgb: RGB,
        start: RGB,
        hole: Hole,
        spared: Hole,
        compute: Compute,
        terms: dict[str, Any],
        light: bool,
    ):
        self.fixed = compute.place(to_tensor(rgb)[None])
        self.hole, spared_pixels = (
            compute.place(torch.from_numpy(mask.astype(np.float32))[None, None]) for mask in (hole, spared)
        )
        self.inside = torch.from_numpy(hole).to(self.fixed.device)
        self.start = compute.place(torch.from_numpy(start.T / np.float32(255)))
        least, most = (self.start, self.start) if not light else self.start.aminmax(dim=0, keepdim=True)
        self.bounds = -most, 1 - least
        self.change = torch.zeros_like(least).requires_grad_(True)
        self.optimizer = torch.optim.Adam([self.change], lr=1.0, betas=(0.9, 0.99))
        with compute.autocast():
            self.loss = Surroundings(vgg, self.fixed, self.hole, spared_pixels, **terms)

    def assembled(self) -> Tensor:
        """Return the image with the current pixels in the hole, (1, 3, H, W) in [-1, 1]."""
        whole = self.fixed.clone()
        whole[0][:, self.inside] = (self.start + self.change).clamp(0, 1) * 2 - 1
        return whole

    def step(self, rate: float, choose: bool) -> dict[str, Tensor]:
        """Take one optimizer step with the learning rate `rate`. If `choose` is True, first search for the
        most similar patches. Returns the weighted losses before the step, scalars, with their sum as "total".
        """
        if not self.change.numel():
            zero = torch.zeros(())
            return {"total": zero, **dict.fromkeys(Terms._fields, zero)}
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        image = self.assembled()
        if choose:
            self.loss.choose(image.detach())
        terms = self.loss(image)
        # At a coarse scale, all positions may be too close to the damage for a comparison.
        if terms.total.requires_grad:
            self.optimizer.zero_grad(set_to_none=True)
            terms.total.backward()
            self.optimizer.step()
        with torch.no_grad():
            self.change.clamp_(*self.bounds)
        return {
            "total": terms.total.detach(),
            **{name: value.detach() for name, value in terms._asdict().items()},
        }

    def image(self) -> RGB:
        """Return the current image, uint8 (H, W, 3)."""
        with torch.no_grad():
            return ((self.assembled()[0] + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
