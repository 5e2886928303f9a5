"""`fststyle gatys`: style transfer by optimization (`fststyle.train.style.optimize`), coarse to fine, with
one or several style images.

    import fststyle
    fststyle.gatys("photo.jpg", "starry.jpg").save("stylized.png")

Coarse-to-fine optimization follows Gatys et al. 2017, "Controlling Perceptual Factors in Neural Style
Transfer" (arXiv:1611.07865), section 6. The receptive field of the loss network is limited, so large
structures form only if a small image is optimized first and then upscaled. The style images are scaled with
the content image.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from fststyle import colors, memory
from fststyle.arrays import RGB
from fststyle.errors import InputError
from fststyle.io import images
from fststyle.io.convert import ImageLike, to_picture
from fststyle.io.resize import resize_frame
from fststyle.mixture import MAX_WEIGHT, parse, weights
from fststyle.settings import check, unknown
from fststyle.train import loop
from fststyle.train.compute import Compute, computing
from fststyle.train.data.loader import style_tensor, to_tensor
from fststyle.train.image_loop import run_image_loop
from fststyle.train.losses.perceptual import Objective
from fststyle.train.networks.vgg import load_vgg, named, repeat_edges
from fststyle.train.style.gatys_settings import GatysSettings
from fststyle.train.style.optimize import PixelOptimizer

MIN_SIDE = 48
"""Minimum shorter side of the coarse scales, in pixels. Below it, the deepest layer of the loss network has
only a few positions. The last scale, which is the full size, has no minimum.
"""
BYTES_PER_PIXEL = 4000
"""Peak memory per pixel, in bytes: activations of the loss network, their gradients, and the history of
L-BFGS.
"""


def gatys(
    content: ImageLike,
    style: str | Path | Mapping[str | Path, float],
    *,
    on_start: Callable[[str], None] | None = None,
    on_progress: Callable[[loop.Progress], None] | None = None,
    on_preview: Callable[[Any], None] | None = None,
    **settings: Any,
) -> Any:
    """Stylize one image by optimization (Gatys et al. 2016).

    Args:
        content: the content image: a `Picture`, a path, the bytes of an image file, an open binary file, a
            Pillow image or a uint8 array (H, W, 3 or 4). If it is an animation, only its first frame is used.
        style: the file of the style image, or several files with weights: ``"a.jpg:0.7,b.jpg:0.3"`` or
            ``{"a.jpg": 0.7, "b.jpg": 0.3}``.
        on_start: called once with a message about the sizes and the device.
        on_progress: called after each iteration, with the weighted losses.
        on_preview: called with the current image, at full size and of the same type as the result, every
            ``preview_every`` iterations, at the end and on interruption.
        settings: the fields of `GatysSettings`.

    Returns:
        An array if `content` is an array, a `Picture` if it is a `Picture`, otherwise a Pillow image. The
        alpha channel and the color profile are preserved.

    Raises:
        InputError: a setting is invalid, an image cannot be used, or a CPU run needs more memory than is
            available.
        DeviceError: the requested device is not available.
        TrainingError: the objective is not finite, or memory is exhausted.
        Interrupted: SIGINT (Ctrl-C), SIGTERM or SIGHUP, after a call of `on_preview`.
    """
    try:
        chosen = GatysSettings(**settings)
    except TypeError as error:
        raise unknown("gatys", error) from error
    return optimize_image(
        content, style, chosen, on_start=on_start, on_progress=on_progress, on_preview=on_preview
    )


def optimize_image(
    content: ImageLike,
    style: str | Path | Mapping[str | Path, float],
    settings: GatysSettings,
    *,
    on_start: Callable[[str], None] | None = None,
    on_progress: Callable[[loop.Progress], None] | None = None,
    on_preview: Callable[[Any], None] | None = None,
) -> Any:
    """Like `gatys`, with a settings object."""
    check(settings)
    shares = paintings(style)
    image, convert_back = to_picture(content)
    frame = image.frames[0]
    frame = resize_frame(frame, min(settings.size, max(frame.rgb.shape[:2])))
    with computing(settings.device, settings.precision, None) as compute:
        photos = scales(frame.rgb, settings.scales)
        _check_memory(frame.rgb, compute)
        canvas = _Canvas(photos, shares, settings, compute)
        if on_start:
            left_out = len(photos) < settings.scales
            fewer = f" (smaller scales would be below {MIN_SIDE} pixels)" if left_out else ""
            on_start(
                f"optimizing at {' then '.join(f'{photo.shape[1]}x{photo.shape[0]}' for photo in photos)} on"
                f" {compute.device}{fewer}"
            )

        def result() -> Any:
            stylized = _enlarged(canvas.image(), frame.rgb)
            return convert_back(
                replace(
                    frame, rgb=colors.keep_colors(frame.rgb, stylized) if settings.keep_colors else stylized
                )
            )

        return run_image_loop(
            canvas.step,
            range(len(photos)),
            [photo.shape[0] * photo.shape[1] for photo in photos],
            iterations=settings.iterations,
            preview_every=settings.preview_every,
            compute=compute,
            result=result,
            on_progress=on_progress,
            on_preview=on_preview,
            leaner="a smaller --size",
        )


class _Canvas:
    """The image under optimization, at all scales. The first step of a scale starts from the result of the
    previous scale.

    Args:
        photos: the content image at all scales, uint8 (H, W, 3) each.
        shares: the files of the style images, with their weights.
        settings: sizes, weights, layers and optimizer.
        compute: device and precision.
    """

    def __init__(
        self, photos: list[RGB], shares: list[tuple[Path, float]], settings: GatysSettings, compute: Compute
    ):
        self.photos, self.shares, self.settings, self.compute = photos, shares, settings, compute
        self.vgg = compute.place(repeat_edges(load_vgg(settings.vgg)))
        self.layers = dict(weights(settings.style_layers, "--style-layers"))
        self.descent: PixelOptimizer | None = None
        named(settings.content_layer)
        # Fail early if a style image or a layer is invalid.
        self.objective(len(photos) - 1)

    def objective(self, scale: int) -> Objective:
        """Return the objective at scale number `scale`; 0 is the coarsest. The style images are downscaled by
        the same factor as the content image.
        """
        last, now = min(self.photos[-1].shape[:2]), min(self.photos[scale].shape[:2])
        size = max(16, round((self.settings.style_size or last) * now / last))
        result: Objective = self.compute.place(
            Objective(
                self.vgg,
                [self.compute.place(style_tensor(path, size)) for path, _ in self.shares],
                shares=[share for _, share in self.shares],
                content_weight=self.settings.content_weight,
                style_weight=self.settings.style_weight,
                tv_weight=self.settings.tv_weight,
                content_layer=self.settings.content_layer,
                style_layers=self.layers,
            )
        )
        return result

    def step(self, number: int, scale: int) -> dict[str, Tensor]:
        """Run one iteration of the optimization.

        Args:
            number: index of the iteration, counted from 0 over all scales.
            scale: index of the scale, where 0 is the coarsest.

        Returns:
            The weighted losses before the iteration, by name, and their sum as "total".
        """
        descent = self.descent
        if descent is None or number % self.settings.iterations == 0:
            photo = self.compute.place(to_tensor(self.photos[scale])[None])
            descent = self.descent = PixelOptimizer(
                self.start(photo),
                photo,
                self.objective(scale),
                self.settings.optimizer,
                self.settings.learning_rate,
            )
        with self.compute.autocast():
            terms = descent.step()
        return {"total": terms.total, **{name: term.mean() for name, term in terms._asdict().items()}}

    def start(self, photo: Tensor) -> Tensor:
        """Return the initial image of a scale, with the shape of `photo`, (1, 3, H, W) in [-1, 1].

        It is the result of the previous scale, upscaled. At the first scale, it is the content image or noise
        around its mean color.
        """
        if self.descent is not None:
            return F.interpolate(
                self.descent.image, photo.shape[2:], mode="bicubic", align_corners=False
            ).clamp(-1, 1)
        if self.settings.start == "photo":
            return photo
        noise = torch.randn(photo.shape, generator=torch.Generator().manual_seed(self.settings.seed)).to(
            photo
        )
        return (photo.mean((2, 3), keepdim=True) + 0.25 * noise).clamp(-1, 1)

    def image(self) -> RGB:
        """Return the current image at the current scale, uint8 (H, W, 3); before the first step, the content
        image at the coarsest scale.
        """
        if self.descent is None:
            return self.photos[0]
        return ((self.descent.image[0] + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()


def paintings(style: str | Path | Mapping[str | Path, float]) -> list[tuple[Path, float]]:
    """Return the files of the style images with their weights, which need not sum to 1.

    Args:
        style: a file name, ``"a.jpg:0.7,b.jpg:0.3"``, or ``{"a.jpg": 0.7, "b.jpg": 0.3}``.

    Raises:
        InputError: a weight is not a number above 0 and at most `MAX_WEIGHT`, there is no style image, or the
            text is not a list in this form (see `fststyle.mixture.parse`).
    """
    if isinstance(style, Mapping):
        if not style:
            raise InputError("STYLE: no style image is given")
        for path, share in style.items():
            if not 0 < share <= MAX_WEIGHT:
                raise InputError(f"STYLE: the weight of {path} must be above 0 and at most {MAX_WEIGHT:,.0f}")
        return [(Path(path), float(share)) for path, share in style.items()]
    if isinstance(style, Path) or Path(style).is_file():  # a file name may contain commas and colons
        return [(Path(style), 1.0)]
    return [(Path(name), share) for name, share in parse(style, "STYLE")]


def scales(photo: RGB, count: int) -> list[RGB]:
    """Return the content image at `count` scales. The sides double from each scale to the next, up to the
    size of `photo`.

    Scales below full size are omitted if their shorter side is below `MIN_SIDE`.
    """
    long, short = max(photo.shape[:2]), min(photo.shape[:2])
    return [
        images.resize(photo, round(long / 2**level))
        for level in reversed(range(count))
        if not level or short / 2**level >= MIN_SIDE
    ]


def _enlarged(stylized: RGB, photo: RGB) -> RGB:
    """Return `stylized`, upscaled to the size of `photo`. Both images are uint8, (h, w, 3) and (H, W, 3)."""
    size = torch.Size(photo.shape[:2])
    if stylized.shape == photo.shape:
        return stylized
    larger = F.interpolate(
        torch.from_numpy(stylized).permute(2, 0, 1)[None].float(), size, mode="bicubic", align_corners=False
    )
    return larger[0].round().clamp(0, 255).byte().permute(1, 2, 0).contiguous().numpy()


def _check_memory(photo: RGB, compute: Compute) -> None:
    """Raise `InputError` if the optimization runs on a CPU and needs more memory than is available."""
    needed, free = photo.shape[0] * photo.shape[1] * BYTES_PER_PIXEL, memory.available()
    if compute.device.type == "cpu" and needed > free:
        raise InputError(
            f"{photo.shape[1]}x{photo.shape[0]} pixels need about {needed / 2**30:.1f} GiB of memory, but"
            f" only {free / 2**30:.1f} GiB is available; reduce --size"
        )
