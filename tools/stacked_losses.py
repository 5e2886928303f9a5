"""The losses of `fststyle.train.style.loss` for many networks at once (tools/together.py).

The images of all networks share one pass of the loss network.
"""

import torch
from stacked import pad
from torch import Tensor, nn
from torch.nn import functional as F

from fststyle.train.losses.grid import grid_artifact_loss
from fststyle.train.losses.johnson import content_loss
from fststyle.train.losses.multiscale import LAYERS, MultiscaleStyle, smaller
from fststyle.train.losses.photo_contrast import more_contrast
from fststyle.train.losses.tonal_masks import masked_grams, photo_masks
from fststyle.train.networks.vgg import VGG16
from fststyle.train.style.loss import CONTENT_LAYERS, CONTENT_SCALE, load_style_image
from fststyle.train.style.retouching import less_local_contrast
from fststyle.train.style.settings import TrainSettings


class _FixedConv(nn.Module):
    """A frozen 3x3 convolution with replicate padding, in channels-last format and `dtype`."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, conv: nn.Conv2d, dtype: torch.dtype):
        super().__init__()
        weight = conv.weight.detach().to(dtype).contiguous(memory_format=torch.channels_last)
        self.register_buffer("weight", weight)
        self.register_buffer("bias", None if conv.bias is None else conv.bias.detach().to(dtype))

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(self.weight.dtype).contiguous(memory_format=torch.channels_last)
        return F.conv2d(pad(x), self.weight, self.bias)


def fast(vgg: VGG16, dtype: torch.dtype) -> VGG16:
    """Change `vgg` in place, and return it. It then uses replicate padding, as after `repeat_edges`, and its
    activations are in `dtype` and in channels-last format.
    """
    for number, layer in enumerate(vgg.features):
        if isinstance(layer, nn.Conv2d):
            vgg.features[number] = _FixedConv(layer, dtype)
        elif isinstance(layer, nn.ReLU):
            layer.inplace = True
    return vgg


class StackedLosses:
    """The weighted losses for K style images.

    Args:
        vgg: the loss network, as returned by `fast`, on the device.
        settings: style image and weights of the losses, for each network. All have the same number of tonal
            parts, the same contrast and the same local contrast.
    """

    def __init__(self, vgg: VGG16, settings: list[TrainSettings]):
        self.vgg, device = vgg, vgg.mean.device
        self.parts, self.contrast = settings[0].tonal_parts, settings[0].contrast
        self.local_contrast = settings[0].local_contrast
        styles = [
            MultiscaleStyle(vgg, load_style_image(one).to(device), one.fine, one.tonal_parts)
            for one in settings
        ]
        terms = [(scale, name) for scale, layers in LAYERS.items() for name in layers]
        # (K, 1, P, C, C) and (K, 1). The second axis is for the images of a network; P is the number of tonal
        # parts.
        self.grams = {
            (scale, name): torch.stack([getattr(style, f"gram{scale}_{name}") for style in styles])[:, None]
            for scale, name in terms
        }
        self.weights = {
            term: torch.tensor([[style.weights[term]] for style in styles], device=device) for term in terms
        }
        self.content_weight, self.style_weight, self.grid_weight = (
            torch.tensor([[float(getattr(one, f"{name}_weight"))] for one in settings], device=device)
            for name in ("content", "style", "grid")
        )

    def __call__(self, stylized: Tensor, photo: Tensor, stride: int) -> dict[str, Tensor]:
        """Return a dict of the weighted losses (content, style, grid), float32 (K, N) each.

        Args:
            stylized: (K * N, 3, H, W) in [-1, 1], network by network.
            photo: (N, 3, H, W), the same photos for all networks.
            stride: the stride of the networks.
        """
        count, shape = len(self.style_weight), (len(self.style_weight), len(photo))
        with torch.no_grad():
            targets = self.vgg(more_contrast(photo, self.contrast), CONTENT_LAYERS)
        plain = less_local_contrast(stylized, self.local_contrast)
        masks = photo_masks(photo, self.parts).repeat(count, 1, 1, 1)
        style, content = torch.zeros(shape, device=photo.device), torch.zeros(shape, device=photo.device)
        for scale, layers in LAYERS.items():
            found = self.vgg(smaller(plain, scale), layers)
            for name in layers:
                grams, areas = (part.unflatten(0, shape) for part in masked_grams(found[name], masks))
                target = self.grams[scale, name]
                difference = (grams - target).square().mean((3, 4)) / target.square().mean((3, 4))
                style = style + self.weights[scale, name] * (areas * difference).sum(2)
            if scale == 1:
                for name in CONTENT_LAYERS:
                    parts = [content_loss(part, targets[name]) for part in found[name].chunk(count)]
                    content = content + torch.stack(parts) / (len(CONTENT_LAYERS) * CONTENT_SCALE)
        return {
            "content": self.content_weight * content,
            "style": self.style_weight * style,
            "grid": self.grid_weight * grid_artifact_loss(stylized, stride).view(shape),
        }


def identity_loss(stylized: Tensor, photo: Tensor) -> Tensor:
    """Return the mean absolute difference from the photo plus five times the MSE, for each image, (N,).

    Both arguments are (N, 3, H, W) in [-1, 1].
    """
    difference = stylized - photo
    return difference.abs().mean((1, 2, 3)) + 5 * difference.square().mean((1, 2, 3))
