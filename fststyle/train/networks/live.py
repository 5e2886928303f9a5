"""The live network, for real-time stylization: its layers run at 1/4, 1/8 and 1/16 of the image side, and
are suited to int8 on CPUs.

Design choices:

* Blocks of 4x4 pixels are folded into 48 channels at the input and unfolded at the output, so the largest
  feature maps have 1/4 of the side. The head consists of two convolutions at that scale. Each pixel of a
  block has its own output channels, so the head includes the upsampling.
* The residual blocks run at 1/16 and 1/8 of the side. With those at 1/16, which take a seventh of all
  multiplications, the receptive field extends about 170 pixels in each direction. The large forms of a
  painting need this.
* A constant noise field is added at 1/16, 1/8 and 1/4 of the side, through learned 1x1 projections (like the
  noise inputs of StyleGAN, Karras et al. 2019, arXiv:1812.04948, but constant). In a flat sky, the input of a
  convolution is the same everywhere, and so is its output. The noise makes the input vary, so that brush
  strokes can form. The same image always has the same output.
* Instance norm follows every convolution except the first, the last two and the projections of the noise.
  The skip connection at 1/4 of the side is not normalized. It carries the brightness of the photo, so the
  network can also reproduce the photo, as the base network does (`fststyle.train.style.init_weights.BASE`).
* Every convolution uses replicate padding. Zero padding would be faster, but the network could detect the
  border, and would stylize it differently.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

FOLD = 4
"""Side of the blocks of pixels that are folded into channels."""
PERIOD = 512
"""Period of the noise field in image pixels, at every scale."""
NOISE_CHANNELS = 4
"""Number of channels of the noise field."""


def fold(x: Tensor) -> Tensor:
    """Fold blocks of 4x4 pixels into channels: (N, 3, 4h, 4w) -> (N, 48, h, w).

    The order of the channels is (row, column, color). In channels-last format, each row of a block is
    contiguous in memory before and after, so the copy is fast.
    """
    n, c, height, width = x.shape
    x = x.reshape(n, c, height // FOLD, FOLD, width // FOLD, FOLD)
    return x.permute(0, 3, 5, 1, 2, 4).reshape(n, c * FOLD * FOLD, height // FOLD, width // FOLD)


def unfold(x: Tensor) -> Tensor:
    """Return the inverse of `fold`: (N, 48, h, w) -> (N, 3, 4h, 4w)."""
    n, channels, height, width = x.shape
    c = channels // FOLD**2
    x = x.reshape(n, FOLD, FOLD, c, height, width).permute(0, 3, 4, 1, 5, 2)
    return x.reshape(n, c, height * FOLD, width * FOLD)


class Conv(nn.Conv2d):
    """A convolution with an odd kernel size and replicate padding. The size of the output is that of the
    input divided by the stride, rounded up.
    """

    def forward(self, x: Tensor) -> Tensor:
        p = self.kernel_size[0] // 2
        return F.conv2d(
            F.pad(x, (p, p, p, p), mode="replicate") if p else x, self.weight, self.bias, self.stride
        )


class InstanceNorm(nn.InstanceNorm2d):
    """Instance norm that also accepts 1x1 feature maps, for which `torch.nn.InstanceNorm2d` raises
    `ValueError`. The only element of such a map is normalized to 0, as in ONNX.
    """

    def forward(self, x: Tensor) -> Tensor:
        return torch.instance_norm(
            x, self.weight, self.bias, None, None, True, 0.1, self.eps, torch.backends.cudnn.enabled
        )


class ConvNorm(nn.Module):
    """A convolution without bias, followed by affine instance norm."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1):
        super().__init__()
        self.conv = Conv(channels_in, channels_out, kernel, stride, bias=False)
        self.norm = InstanceNorm(channels_out, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.conv(x))
        return y


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a skip connection."""

    def __init__(self, channels: int):
        super().__init__()
        self.first, self.second = ConvNorm(channels, channels), ConvNorm(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.second(torch.relu(self.first(x)))
        return result


class Noise(nn.Module):
    """Layer that adds a learned projection of a constant noise field. The field repeats every `PERIOD` pixels
    of the image.

    Args:
        channels: channels of the features to which the noise is added.
        scale: side of the image divided by the side of the features.
    """

    field: Tensor

    def __init__(self, channels: int, scale: int):
        super().__init__()
        side = PERIOD // scale
        values = np.random.default_rng(scale).integers(-128, 128, (NOISE_CHANNELS, side, side), np.int8)
        # Not persistent, since the field is the same in every network.
        self.register_buffer("field", torch.from_numpy(values), persistent=False)
        self.project = nn.Conv2d(NOISE_CHANNELS, channels, 1, bias=False)
        nn.init.zeros_(self.project.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features `x`, (N, C, h, w), with the same noise added to all N images. In training mode,
        the noise field is shifted randomly in each call.
        """
        height, width = x.shape[2:]
        side = self.field.shape[1]
        rows, columns = torch.arange(height, device=x.device), torch.arange(width, device=x.device)
        if self.training:
            rows, columns = rows + int(torch.randint(side, ())), columns + int(torch.randint(side, ()))
        noise = self.field[:, rows % side][:, :, columns % side]
        # The standard deviation of the field is 73.9.
        y: Tensor = x + self.project(noise[None].to(x.dtype) / 73.9)
        return y


class Live(nn.Module):
    """Network for real-time stylization of RGB images (N, 3, H, W) in [-1, 1].

    H and W must be multiples of ``stride`` and at least 16. The output has the shape of the input. It is
    unbounded; the caller clips it to [-1, 1].

    Args:
        width: channels of the feature maps at 1/4 of the image side. There are 4/3 times as many at 1/8, and
            twice as many at 1/16.
        blocks: number of residual blocks at 1/8 of the side.
        coarse_blocks: number of residual blocks at 1/16 of the side. With 0, the network is that of versions
            before 0.2: it has no layers at 1/16, no noise, twice the width at 1/8, fewer channels before the
            output layer, and a stride of 8.
    """

    stride = 16

    def __init__(self, width: int = 48, blocks: int = 2, coarse_blocks: int = 3):
        super().__init__()
        coarse = coarse_blocks > 0
        deep = max(1, 4 * width // 3) if coarse else 2 * width
        head = 2 * width if coarse else 3 * width // 2
        self.stride = 16 if coarse else 8
        self.noise_period = PERIOD if coarse else 0
        self.stem = Conv(3 * FOLD**2, width, 3)
        self.down = ConvNorm(width, deep, stride=2)
        if coarse:
            coarsest = 2 * width
            self.down16 = ConvNorm(deep, coarsest, stride=2)
            self.body16 = nn.Sequential(*[ResidualBlock(coarsest) for _ in range(coarse_blocks)])
            self.lateral16 = ConvNorm(coarsest, deep, kernel=1)
            self.noise16, self.noise8, self.noise4 = Noise(coarsest, 16), Noise(deep, 8), Noise(width, 4)
        self.body = nn.Sequential(*[ResidualBlock(deep) for _ in range(blocks)])
        self.lateral = ConvNorm(deep, width, kernel=1)
        # With nearest-neighbor upsampling, brush strokes would consist of blocks of 8 pixels.
        self.upsample = nn.Upsample(scale_factor=2, mode="bilinear")
        self.refine1, self.refine2 = ConvNorm(width, width), ConvNorm(width, width)
        self.up = Conv(width, head, 3)
        self.head = Conv(head, 3 * FOLD**2, 3)

    @torch.no_grad()
    def constrain(self) -> None:
        """Change the weights of the output layer so that its response to flat regions is equal for all
        sixteen pixels of a block. Call this after each training step.

        Without this constraint, the output layer learns a grid of blocks as texture. The response of a kernel
        to a flat region is the sum of its taps. This method subtracts the part of the sum, and of the bias,
        that differs between the pixels of a block.
        """
        weight, bias = self.head.weight, self.head.bias
        plain = weight.sum((2, 3)).view(FOLD**2, 3, -1)
        surplus = (plain - plain.mean(0)).reshape(len(weight), -1, 1, 1)
        weight.sub_(surplus / weight[0, 0].numel())
        if bias is not None:
            bias.copy_(bias.view(FOLD**2, 3).mean(0).repeat(FOLD**2))

    def core(self, x: Tensor) -> Tensor:
        """Run the network on images folded by `fold`: (N, 48, h, w) -> (N, 48, h, w), where h and w are
        multiples of ``stride // 4``.
        """
        fine = torch.relu(self.stem(x))
        x = self.down(fine)
        if self.stride == 16:
            x = torch.relu(self.noise8(x))
            coarse = self.body16(torch.relu(self.noise16(self.down16(x))))
            x = torch.relu(self.upsample(self.lateral16(coarse)) + x)
            x = self.upsample(self.lateral(self.body(x))) + fine
            x = torch.relu(self.noise4(x))
        else:
            x = self.body(torch.relu(x))
            x = torch.relu(self.upsample(self.lateral(x)) + fine)
        x = x + torch.relu(self.refine1(x))
        x = x + torch.relu(self.refine2(x))
        stylized: Tensor = self.head(torch.relu(self.up(x)))
        return stylized

    def forward(self, x: Tensor) -> Tensor:
        return unfold(self.core(fold(x)))
