"""The reference network: the image transformation network of Johnson, Alahi and Fei-Fei.

"Perceptual Losses for Real-Time Style Transfer and Super-Resolution" (2016, arXiv:1603.08155) and its
supplement, with the instance normalization of Ulyanov, Vedaldi and Lempitsky (2016, arXiv:1607.08022).

Departures from the paper:

* Instance norm instead of batch norm, so that the result does not depend on the contrast of the photo.
* Reflection padding at every convolution, and residual blocks that keep the size, so that there are no
  artifacts at the border. The paper pads the input by 40 pixels, and its residual blocks crop.
* Nearest-neighbor upsampling and a convolution instead of a transposed convolution, which causes checkerboard
  artifacts (Odena et al. 2016).
* A linear last layer instead of a scaled tanh, whose gradient vanishes near black and white. The output is
  clipped after inference, and clamped in training (`fststyle.train.losses.clamp`).
"""

import torch
from torch import Tensor, nn


class ConvNorm(nn.Module):
    """Reflection padding, a convolution and, if `norm` is True, affine instance norm. Without the norm, the
    convolution has a bias.
    """

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, stride: int = 1, *, norm: bool = True
    ):
        super().__init__()
        self.pad = nn.ReflectionPad2d(kernel // 2)
        # No bias before instance norm: the norm would remove it.
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, stride, bias=not norm)
        self.norm = nn.InstanceNorm2d(channels_out, affine=True) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.norm(self.conv(self.pad(x)))
        return result


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a skip connection. There is no activation after the sum (Gross and Wilber
    2016), as in Johnson et al.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.first = ConvNorm(channels, channels, 3)
        self.second = ConvNorm(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.second(torch.relu(self.first(x)))
        return result


class Johnson(nn.Module):
    """The image transformation network of Johnson et al. (2016), which stylizes RGB images (N, 3, H, W) in
    [-1, 1].

    H and W must be multiples of ``stride`` and at least 16. The output has the shape of the input. It is
    unbounded; the caller clips it to [-1, 1]. With the default arguments, the widths and the number of blocks
    are those of the paper's supplement. There are 1,677,635 parameters, since convolutions before instance
    norm have no bias.

    Args:
        width: channels of the first layer.
        blocks: number of residual blocks.
    """

    stride = 4

    def __init__(self, width: int = 32, blocks: int = 5):
        super().__init__()
        self.stem = ConvNorm(3, width, 9)
        self.down1 = ConvNorm(width, 2 * width, 3, stride=2)
        self.down2 = ConvNorm(2 * width, 4 * width, 3, stride=2)
        self.body = nn.Sequential(*[ResidualBlock(4 * width) for _ in range(blocks)])
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")
        self.up1 = ConvNorm(4 * width, 2 * width, 3)
        self.up2 = ConvNorm(2 * width, width, 3)
        self.head = ConvNorm(width, 3, 9, norm=False)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        x = torch.relu(self.down1(x))
        x = torch.relu(self.down2(x))
        x = self.body(x)
        x = torch.relu(self.up1(self.upsample(x)))
        x = torch.relu(self.up2(self.upsample(x)))
        result: Tensor = self.head(x)
        return result
