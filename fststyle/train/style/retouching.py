"""Retouching of stylized images: longer strokes, local contrast, and details and tones of the photo.

A network that balances content and style loss produces soft images: where strokes are uncertain, it outputs
their mean, and where the style loss is strong, small and dark parts of the photo disappear among the strokes.
Judges prefer stylized images after these corrections (docs/experiments.md, seventh and eighth series). They
take no time at inference, since the network learns them: `tools/retouch.py` trains it to output the retouched
image, and `fststyle train` computes its content, style and adversarial losses on images with less local
contrast than the output.

All images are RGB (N, 3, H, W) in [-1, 1].
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from fststyle.train.gaussian_blur import gaussian_blur
from fststyle.train.losses.tonal_masks import luminance
from fststyle.train.style.stroke_smoothing import smooth_along_strokes

SCALE = 4
"""Factor by which images are downscaled before they are blurred, which makes the blur faster."""
SIGMA = 12.0
"""Standard deviation of the Gaussian blur of the unsharp mask, in pixels."""
WINDOW = 33
"""Approximate side of the window of the guided filter, in pixels."""
EDGE = 0.08
"""Regularization (epsilon) of the guided filter. In windows where the variance of the luminance (-1 to 1) is
well above this value, edges are kept; where it is well below, they are smoothed.
"""


@dataclass(frozen=True)
class Tone:
    """Mean and standard deviation of the base layer of the luminance (-1 to 1), for photos and for their
    stylized images. The base layer is the luminance without small structures (`base_layer`).
    """

    photo_mean: float
    photo_std: float
    stylized_mean: float
    stylized_std: float

    @classmethod
    def of(cls, photos: Tensor, stylized: Tensor) -> "Tone":
        """Measure the base layers of `photos` and of their stylized images, RGB (N, 3, H, W) in [-1, 1]."""
        a, b = base_layer(luminance(photos)), base_layer(luminance(stylized))
        return cls(a.mean().item(), a.std().item(), b.mean().item(), b.std().item())

    def expected(self, base: Tensor) -> Tensor:
        """Return the base layer that stylized images should have if that of their photos is `base`.

        It is a linear function of `base`, which maps the mean and the standard deviation of the photos to
        those of the stylized images.
        """
        return (base - self.photo_mean) * (self.stylized_std / max(self.photo_std, 1e-6)) + self.stylized_mean


def retouched(
    stylized: Tensor,
    photo: Tensor,
    *,
    strokes: int = 0,
    local_contrast: float,
    details: float,
    tone: float,
    tones: Tone,
) -> Tensor:
    """Return stylized images with longer strokes and more local contrast, and with details and tones of their
    photos.

    All images are RGB (N, 3, H, W) in [-1, 1]; the result is clipped to this range.

    Args:
        stylized: the stylized images.
        photo: the photos that were stylized, in the same order.
        strokes: the ``length`` of `smooth_along_strokes`, in pixels; 0 for no smoothing.
        local_contrast: amount of the unsharp mask, which adds this fraction of the difference between the
            image and a blurred copy. 0.4 is moderate; 0.8 shows halos along edges.
        details: amount of detail of the photo. This fraction of the difference between the luminance of the
            photo and its base layer is added.
        tone: fraction, 0 to 1, by which the base layer of the stylized luminance is moved toward the base
            layer that `Tone.expected` predicts from the photo.
        tones: statistics of photos and of their stylized images, for this prediction.
    """
    stylized = smooth_along_strokes(stylized, strokes)
    result = stylized + local_contrast * (stylized - _blurred(stylized))
    if details or tone:
        light = luminance(photo)
        base = base_layer(light)
        result = result + details * (light - base)
        result = result + tone * (tones.expected(base) - base_layer(luminance(stylized)))
    return result.clamp(-1, 1)


def less_local_contrast(stylized: Tensor, amount: float) -> Tensor:
    """Return the images with less local contrast: their difference from a blurred copy is divided by
    1 + `amount`.

    This approximately inverts an unsharp mask that adds `amount` times the difference. The approximation is
    poor for clipped values and for structures of about the size of the blur.
    """
    return stylized - amount / (1 + amount) * (stylized - _blurred(stylized)) if amount else stylized


def base_layer(light: Tensor) -> Tensor:
    """Return the base layer of luminance images: the luminance without small structures, (N, 1, H, W).

    It is computed with a guided filter whose guide is the luminance itself (He and Sun 2015, "Fast Guided
    Filter", arXiv:1505.00996). The filter keeps strong edges, so adding the difference between the luminance
    and its base layer to an image causes no halos.

    Args:
        light: the luminance, (N, 1, H, W) in [-1, 1].
    """
    small = F.avg_pool2d(light, SCALE)
    mean = _box(small)
    variance = (_box(small.square()) - mean.square()).clamp(min=0)
    gain = variance / (variance + EDGE)
    offset = mean - gain * mean
    gain, offset = (
        F.interpolate(_box(x), light.shape[2:], mode="bilinear", align_corners=False) for x in (gain, offset)
    )
    return gain * light + offset


def _box(x: Tensor) -> Tensor:
    side = WINDOW // SCALE + 1
    return F.avg_pool2d(F.pad(x, (side // 2,) * 4, mode="replicate"), side, 1)


def _blurred(image: Tensor) -> Tensor:
    small = gaussian_blur(F.avg_pool2d(image, SCALE), SIGMA / SCALE)
    return F.interpolate(small, image.shape[2:], mode="bilinear", align_corners=False)
