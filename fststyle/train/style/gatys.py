"""`fststyle gatys`: one photo in the style of one painting or several, by optimising the picture
(`fststyle.train.style.optimize`), coarse to fine.

    import fststyle
    fststyle.gatys("photo.jpg", "starry.jpg").save("painted.png")

Gatys et al. 2017, "Controlling Perceptual Factors in Neural Style Transfer" (arXiv:1611.07865), section 6:
what is painted small and then enlarged has shapes that no descent at full size finds, since the loss network
sees only so many pixels at a time. The painting is scaled with the picture.
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
from fststyle.io.convert import resized, taken
from fststyle.mixture import LARGEST, parse, weights
from fststyle.settings import check, unknown
from fststyle.train import loop
from fststyle.train.compute import Compute, computing
from fststyle.train.data.loader import style_tensor, to_tensor
from fststyle.train.losses.perceptual import Objective
from fststyle.train.networks.vgg import load_vgg, named, repeat_edges
from fststyle.train.style.gatys_settings import GatysSettings
from fststyle.train.style.optimize import Descent

COARSEST = 48
"""RGB that the shorter side of the coarsest scale has at least: below that the loss network's deepest layer
sees next to nothing.
"""
BYTES_PER_PIXEL = 4000
"""What a descent takes at its peak, per pixel of the picture: the activations of the loss network, their
gradients, and what L-BFGS remembers.
"""


def gatys(
    content: Any,
    style: str | Path | Mapping[str | Path, float],
    *,
    on_start: Callable[[str], None] | None = None,
    on_progress: Callable[[loop.Progress], None] | None = None,
    on_preview: Callable[[Any], None] | None = None,
    **settings: Any,
) -> Any:
    """Repaint one picture; the keyword arguments are the fields of `GatysSettings`.

    Args:
        content: a `Picture`, a path, the bytes of an image file, an open binary file, a Pillow image or a
            uint8 array (H, W, 3 or 4); of an animation the first frame.
        style: the painting's file, or several with their weights: ``"a.jpg:0.7,b.jpg:0.3"`` or ``{"a.jpg":
            0.7, "b.jpg": 0.3}``.
        on_start: told once what is painted at which sizes.
        on_progress: told of every iteration, its losses weighted as they are added up.
        on_preview: given the picture as it is, every ``preview_every`` iterations, at the end, and when it is
            stopped; the coarse scales enlarged.

    Returns:
        The picture in the form in which it came: an array for an array, a `Picture` for a `Picture`, else a
            Pillow image. Alpha and colour profile stay.

    Raises:
        InputError, DeviceError: nothing was done.
        TrainingError: the objective stopped being a number.
        Interrupted: Ctrl-C or SIGTERM; `on_preview` was given what there was.
    """
    try:
        chosen = GatysSettings(**settings)
    except TypeError as error:
        raise unknown("gatys", error) from error
    return repaint(content, style, chosen, on_start=on_start, on_progress=on_progress, on_preview=on_preview)


def repaint(
    content: Any,
    style: str | Path | Mapping[str | Path, float],
    settings: GatysSettings,
    *,
    on_start: Callable[[str], None] | None = None,
    on_progress: Callable[[loop.Progress], None] | None = None,
    on_preview: Callable[[Any], None] | None = None,
) -> Any:
    """As `gatys`, with the settings in one piece."""
    check(settings)
    shares = paintings(style)
    picture, give_back = taken(content)
    frame = picture.frames[0]
    frame = resized(frame, min(settings.size, max(frame.rgb.shape[:2])))
    with computing(settings.device, settings.precision, 1) as compute:
        photos = scales(frame.rgb, settings.scales)
        _check_memory(frame.rgb, compute)
        canvas = _Canvas(photos, shares, settings, compute)
        if on_start:
            fewer = (
                f"; smaller scales would have less than {COARSEST} pixels a side"
                if len(photos) < settings.scales
                else ""
            )
            on_start(
                f"painting {' then '.join(f'{photo.shape[1]}x{photo.shape[0]}' for photo in photos)} on"
                f" {compute.device}{fewer}"
            )

        def finished() -> Any:
            painted = _enlarged(canvas.picture(), frame.rgb)
            return give_back(
                replace(
                    frame, rgb=colors.keep_colors(frame.rgb, painted) if settings.keep_colors else painted
                )
            )

        def report(progress: loop.Progress) -> None:
            if on_progress:
                on_progress(
                    replace(progress, seconds_left=progress.step / progress.rate * canvas.left(progress.step))
                )

        steps = len(photos) * settings.iterations
        loop.run(
            canvas.step,
            (scale for scale in range(len(photos)) for _ in range(settings.iterations)),
            start=0,
            steps=steps,
            batch_size=1,
            compute=compute,
            save=lambda _: on_preview(finished()) if on_preview else None,
            save_every=settings.preview_every or steps,
            preview=lambda _: None,
            preview_every=0,
            report=report,
            saved_as="picture",
            afterwards="the picture is kept as it was then" if on_preview else "the picture is lost",
            leaner="a smaller picture (--size)",
        )
        return finished()


class _Canvas:
    """The picture through all scales: each step of one scale descends, the first one takes over from the
    scale before.
    """

    def __init__(
        self, photos: list[RGB], shares: list[tuple[Path, float]], settings: GatysSettings, compute: Compute
    ):
        self.photos, self.shares, self.settings, self.compute = photos, shares, settings, compute
        self.vgg = compute.place(repeat_edges(load_vgg(settings.vgg)))
        self.layers = dict(weights(settings.style_layers, "--style-layers"))
        self.descent: Descent | None = None
        named(settings.content_layer)
        # whatever is wrong with a painting or a layer is told before the long work
        self.objective(len(photos) - 1)

    def objective(self, scale: int) -> Objective:
        """The objective at one scale, where the paintings are as much smaller as the picture is."""
        last, now = min(self.photos[-1].shape[:2]), min(self.photos[scale].shape[:2])
        size = max(16, round((self.settings.style_size or last) * now / last))
        return self.compute.place(
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

    def step(self, number: int, scale: int) -> dict[str, Tensor]:
        """One iteration; gives its losses."""
        descent = self.descent
        if descent is None or number % self.settings.iterations == 0:
            photo = self.compute.place(to_tensor(self.photos[scale])[None])
            descent = self.descent = Descent(
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
        """What a scale begins with: the scale before, enlarged; else the photo, or noise around its mean
        colour.
        """
        if self.descent is not None:
            return F.interpolate(
                self.descent.picture, photo.shape[2:], mode="bicubic", align_corners=False
            ).clamp(-1, 1)
        if self.settings.start == "photo":
            return photo
        noise = torch.randn(photo.shape, generator=torch.Generator().manual_seed(self.settings.seed)).to(
            photo
        )
        return (photo.mean((2, 3), keepdim=True) + 0.25 * noise).clamp(-1, 1)

    def picture(self) -> RGB:
        """The picture as it is, at the scale it is at; before the first step the photo."""
        if self.descent is None:
            return self.photos[0]
        return ((self.descent.picture[0] + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()

    def left(self, done: int) -> float:
        """The work that is left after `done` steps, over the work done: a step costs as much as its scale has
        pixels.
        """
        sizes = [
            photo.shape[0] * photo.shape[1] for photo in self.photos for _ in range(self.settings.iterations)
        ]
        return sum(sizes[done:]) / sum(sizes[:done])


def paintings(style: str | Path | Mapping[str | Path, float]) -> list[tuple[Path, float]]:
    """The files of the paintings and their shares: of one file, of ``"a.jpg:0.7,b.jpg:0.3"``, or of
    ``{"a.jpg": 0.7, "b.jpg": 0.3}``.

    Raises:
        InputError: shares that are no numbers above 0, or too many paintings.
    """
    if isinstance(style, Mapping):
        if not style or any(not 0 < share <= LARGEST for share in style.values()):
            raise InputError(f"STYLE: each painting needs a weight above 0 and at most {LARGEST:,.0f}")
        return [(Path(path), float(share)) for path, share in style.items()]
    if isinstance(style, Path) or Path(style).is_file():  # a name may hold commas and colons
        return [(Path(style), 1.0)]
    return [(Path(name), share) for name, share in parse(style, "STYLE")]


def scales(photo: RGB, count: int) -> list[RGB]:
    """The photo at `count` sizes, each half the next, the last one its own; fewer where a side would fall
    below `COARSEST`.
    """
    long, short = max(photo.shape[:2]), min(photo.shape[:2])
    return [
        images.resize(photo, round(long / 2**level))
        for level in reversed(range(count))
        if not level or short / 2**level >= COARSEST
    ]


def _enlarged(painted: RGB, photo: RGB) -> RGB:
    """A coarse scale at the size of the result."""
    size = torch.Size(photo.shape[:2])
    if painted.shape == photo.shape:
        return painted
    larger = F.interpolate(
        torch.from_numpy(painted).permute(2, 0, 1)[None].float(), size, mode="bicubic", align_corners=False
    )
    return larger[0].round().clamp(0, 255).byte().permute(1, 2, 0).contiguous().numpy()


def _check_memory(photo: RGB, compute: Compute) -> None:
    needed, free = photo.shape[0] * photo.shape[1] * BYTES_PER_PIXEL, memory.available()
    if compute.device.type == "cpu" and needed > free:
        raise InputError(
            f"{photo.shape[1]}x{photo.shape[0]} pixels need about {needed / 2**30:.1f} GiB of memory and"
            f" {free / 2**30:.1f} are free; paint smaller (--size)"
        )
