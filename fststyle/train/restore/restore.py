"""`fststyle restore`: fill cracks and missing parts of a painting in the style of its surroundings.

    import fststyle
    fststyle.restore("damaged.jpg", "mask.png").save("restored.png")

Only the pixels in the mask change. They start from OpenCV's inpainting (Telea 2004) and are optimized by
Adam, coarse to fine, for the style loss of `fststyle gatys` and a patch loss, both against the surroundings
(`fststyle.train.restore.loss`). Thin cracks have one scale and no style loss.
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
from fststyle.train.networks.vgg import VGG16, load_vgg, named, repeat_edges
from fststyle.train.picture_loop import run_picture_loop
from fststyle.train.restore.loss import Surroundings
from fststyle.train.restore.settings import RestoreSettings
from fststyle.train.restore.windows import Hole, Part, halved, inpainted, parts, scale_count

CHOICE_EVERY = 5
"""Iterations between searches for the most similar patches."""


def restore(
    damaged: ImageLike,
    mask: str | Path,
    *,
    on_start: Callable[[str], None] | None = None,
    on_progress: Callable[[loop.Progress], None] | None = None,
    on_preview: Callable[[Any], None] | None = None,
    **settings: Any,
) -> Any:
    """Restore one picture. The keyword arguments are the fields of `RestoreSettings`.

    Args:
        damaged: a `Picture`, a path, the bytes of an image file, an open binary file, a Pillow image or a
            uint8 array (H, W, 3 or 4). Of an animation, the first frame is used.
        mask: the file of the mask, of the same size: white where the picture is damaged.
        on_start: called once with a message about the parts and the device.
        on_progress: called after each iteration, with the weighted losses.
        on_preview: called with the current picture every ``preview_every`` iterations, at the end, and on
            interruption.

    Returns:
        An array for an array, a `Picture` for a `Picture`, else a Pillow image. Pixels outside the mask are
        those of the input, and so are alpha channel and color profile.

    Raises:
        InputError: invalid settings, an unusable file, a mask of another size, all black or all white, or a
            part of the damage without intact surroundings.
        DeviceError: the requested device is not available.
        TrainingError: the objective is not finite, or out of memory.
        Interrupted: Ctrl-C or SIGTERM, after a call of `on_preview`.
    """
    try:
        chosen = RestoreSettings(mask=Path(mask), **settings)
    except TypeError as error:
        raise unknown("restore", error) from error
    return restore_picture(damaged, chosen, on_start=on_start, on_progress=on_progress, on_preview=on_preview)


def restore_picture(
    damaged: ImageLike,
    settings: RestoreSettings,
    *,
    on_start: Callable[[str], None] | None = None,
    on_progress: Callable[[loop.Progress], None] | None = None,
    on_preview: Callable[[Any], None] | None = None,
) -> Any:
    """Like `restore`, with a settings object."""
    check(settings)
    picture, convert_back = to_picture(damaged)
    frame = picture.frames[0]
    hole = read_mask(settings.mask, picture.size)
    with computing(settings.device, settings.precision, 1) as compute:
        canvas = _Canvas(frame.rgb, hole, settings, compute)
        if on_start:
            pixels, count = int(hole.sum()), len(canvas.parts)
            on_start(
                f"restoring {pixels} pixels ({100 * pixels / hole.size:.3g} %) in {count}"
                f" part{'s' * (count != 1)} on {compute.device}"
            )

        def result() -> Any:
            return convert_back(replace(frame, rgb=canvas.picture()))

        return run_picture_loop(
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
    """The damaged pixels of a picture of ``size`` (H, W): those where the mask is at least half white.

    Raises:
        InputError: the mask cannot be read, has another size, is all black or all white.
    """
    mask = images.read(path)
    if mask.size != size:
        (rows, columns), (height, width) = mask.size, size
        raise InputError(
            f"{path}: the mask has {columns}x{rows} pixels and the picture {width}x{height}; they must be"
            " equal"
        )
    frame = mask.frames[0]
    light = cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    if frame.alpha is not None:
        light *= frame.alpha / np.float32(255)
    hole = np.asarray(light >= 128)
    if not hole.any():
        raise InputError(f"{path}: the mask has no white pixels, which mark the damage")
    if hole.all():
        raise InputError(f"{path}: the mask is all white; nothing of the picture remains")
    return hole


@dataclass(frozen=True)
class _Stage:
    """One scale of one part: the number of the part, and how often its size is halved."""

    part: int
    halvings: int


class _Canvas:
    """The picture, whose parts are restored one by one, each from coarse to fine."""

    def __init__(self, rgb: RGB, hole: Hole, settings: RestoreSettings, compute: Compute):
        self.settings, self.compute = settings, compute
        self.vgg = compute.place(repeat_edges(load_vgg(settings.vgg)))
        self.terms = {
            "style_layers": dict(weights(settings.style_layers, "--style-layers")),
            "patch_layers": dict(weights(settings.patch_layers, "--patch-layers")),
            **{name: getattr(settings, name) for name in ("style_weight", "patch_weight", "color_weight")},
        }
        named(*self.terms["style_layers"], *self.terms["patch_layers"])
        self.rgb, self.missing = inpainted(rgb, hole), hole.copy()
        self.rgb[~hole] = intact = rgb[~hole]
        # Optimized in three channels, the damage of a gray picture gets colored specks.
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
        """Run one iteration. Returns its losses."""
        if self.work is None or stage != self.stage:
            self.work = self._begin(stage)
        done = number % self.settings.iterations
        rate = self.settings.learning_rate * (1 - 0.9 * done / self.settings.iterations)
        with self.compute.autocast():
            return self.work.step(rate, done % CHOICE_EVERY == 0)

    def _begin(self, stage: _Stage) -> "_Work":
        """Keep the result of the current stage, and start the next one from it."""
        self.keep()
        part = self.parts[stage.part]
        spared = self.missing[part.place] & ~part.hole
        rgb, hole = self.rgb[part.place], part.hole
        for _ in range(stage.halvings):
            rgb, hole, spared = halved(rgb, hole, spared)
        before = self.work if self.stage and self.stage.part == stage.part else None
        start = inpainted(rgb, hole | spared)
        if before is not None:
            size = (rgb.shape[1], rgb.shape[0])
            start = np.asarray(cv2.resize(before.picture(), size, interpolation=cv2.INTER_CUBIC), np.uint8)
        rgb = np.where(hole[..., None], start, rgb)
        # A crack has too few positions for a Gram matrix.
        terms = self.terms if scale_count(part.hole, 2) > 1 else {**self.terms, "style_weight": 0.0}
        self.stage = stage
        work = _Work(self.vgg, rgb, hole, spared, self.compute, terms, self.gray)
        if not stage.halvings and not work.loss.has_patches:
            (rows, columns), (height, width) = part.place, part.hole.shape
            raise InputError(
                f"almost nothing is intact in the {width}x{height} pixels around the damage at column"
                f" {columns.start}, row {rows.start}; use a larger --context or a smaller mask"
            )
        return work

    def keep(self) -> None:
        """Copy the current part to the picture, in its damaged pixels only."""
        if self.work is None or self.stage is None:
            return
        part = self.parts[self.stage.part]
        if self.stage.halvings:
            return
        self.rgb[part.place][part.hole] = self.work.picture()[part.hole]
        self.missing[part.place][part.hole] = False

    def picture(self) -> RGB:
        """The current picture. Parts that are not yet at full size have the inpainting of OpenCV."""
        self.keep()
        return self.rgb.copy()


class _Work:
    """One part at one scale: ``rgb`` uint8 (H, W, 3), of which the pixels in the ``hole`` are optimized.
    ``gray``: with equal channels.
    """

    def __init__(
        self,
        vgg: VGG16,
        rgb: RGB,
        hole: Hole,
        spared: Hole,
        compute: Compute,
        terms: dict[str, Any],
        gray: bool,
    ):
        self.fixed = compute.place(to_tensor(rgb)[None])
        self.hole, spared_pixels = (
            compute.place(torch.from_numpy(mask.astype(np.float32))[None, None]) for mask in (hole, spared)
        )
        self.inside = torch.from_numpy(hole).to(self.fixed.device)
        start = (self.fixed[0][:, self.inside] + 1) / 2
        self.pixels = (start.mean(0, keepdim=True) if gray else start.clone()).requires_grad_(True)
        self.optimizer = torch.optim.Adam([self.pixels], lr=1.0, betas=(0.9, 0.99))
        with compute.autocast():
            self.loss = Surroundings(vgg, self.fixed, self.hole, spared_pixels, **terms)

    def assembled(self) -> Tensor:
        """The picture with the current pixels in the hole, (1, 3, H, W) in [-1, 1]."""
        whole = self.fixed.clone()
        whole[0][:, self.inside] = self.pixels * 2 - 1
        return whole

    def step(self, rate: float, choose: bool) -> dict[str, Tensor]:
        if not self.pixels.numel():
            zero = torch.zeros(())
            return {"total": zero, "style": zero, "patch": zero, "color": zero}
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        picture = self.assembled()
        if choose:
            self.loss.choose(picture.detach())
        terms = self.loss(picture)
        # At a coarse scale, all places may be too close to the damage for a comparison.
        if terms.total.requires_grad:
            self.optimizer.zero_grad(set_to_none=True)
            terms.total.backward()
            self.optimizer.step()
        with torch.no_grad():
            self.pixels.clamp_(0, 1)
        return {
            "total": terms.total.detach(),
            **{name: value.detach() for name, value in terms._asdict().items()},
        }

    def picture(self) -> RGB:
        """The current picture, uint8 (H, W, 3)."""
        with torch.no_grad():
            return ((self.assembled()[0] + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
