"""The network for real time: everything at a quarter and an eighth of the picture's side, shaped for integer
arithmetic on CPUs.

Where the reference spends its time is known: full-resolution layers, instance norm over large maps,
reflection padding at every layer. So:

* pixels go in and come out in squares of 4x4 folded into 48 channels, so that no layer runs above a quarter
  of the side. The head is two dense layers deep at that scale: it contains nearest-neighbour upsampling with
  a convolution at every step (each phase of a pixel has its own channels), and is faster, since few wide
  layers run nearer to a processor's peak than many narrow ones;
* the body works at an eighth, where a kernel sees strokes, not pixels;
* instance norm stays wherever the painting is made: at these sizes all of it costs a twelfth of the time, and
  without it, or with norms that turn into batch norm while learning, the same steps end at twice the
  objective. The path at a quarter of the side has none: it keeps the light of the photo, so that the same
  network can also give the photo back, which is where every style starts from;
* the edge is repeated outwards at each layer. Zeros would cost nothing, but they tell the network where the
  border is, and it then paints there what the style lacks elsewhere; and a network that learned with edges
  does not survive zeros (29 dB), where it does survive integers (39 dB).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FOLD = 4
"""Side of the squares of pixels that become channels."""


def fold(x: Tensor) -> Tensor:
    """(N, 3, 4h, 4w) -> (N, 48, h, w), channels in the order (row, column, colour): in memory with channels
    last a copy of whole runs.
    """
    n, c, height, width = x.shape
    x = x.reshape(n, c, height // FOLD, FOLD, width // FOLD, FOLD)
    return x.permute(0, 3, 5, 1, 2, 4).reshape(n, c * FOLD * FOLD, height // FOLD, width // FOLD)


def unfold(x: Tensor) -> Tensor:
    """The inverse of `fold`."""
    n, channels, height, width = x.shape
    c = channels // FOLD**2
    x = x.reshape(n, FOLD, FOLD, c, height, width).permute(0, 3, 4, 1, 5, 2)
    return x.reshape(n, c, height * FOLD, width * FOLD)


class Conv(nn.Conv2d):
    """A convolution that repeats the edge outwards."""

    def forward(self, x: Tensor) -> Tensor:
        p = self.kernel_size[0] // 2
        return F.conv2d(
            F.pad(x, (p, p, p, p), mode="replicate") if p else x, self.weight, self.bias, self.stride
        )


class ConvNorm(nn.Module):
    """Convolution without bias and instance norm."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1):
        super().__init__()
        self.conv = Conv(channels_in, channels_out, kernel, stride, bias=False)
        self.norm = nn.InstanceNorm2d(channels_out, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.conv(x))
        return y


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a skip."""

    def __init__(self, channels: int):
        super().__init__()
        self.first, self.second = ConvNorm(channels, channels), ConvNorm(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(torch.relu(self.first(x)))


class Live(nn.Module):
    """(N, 3, H, W) RGB in [-1, 1] -> (N, 3, H, W), unbounded, meant to be clipped to [-1, 1]; H and W
    multiples of ``stride``, at least 16.

    Args:
        width: channels at a quarter of the side; twice as many at an eighth.
        blocks: residual blocks at an eighth.
    """

    stride = 8

    def __init__(self, width: int = 32, blocks: int = 3):
        super().__init__()
        deep = 2 * width
        self.stem = Conv(3 * FOLD**2, width, 3)
        self.down = ConvNorm(width, deep, stride=2)
        self.body = nn.Sequential(*[ResidualBlock(deep) for _ in range(blocks)])
        self.lateral = ConvNorm(deep, width, kernel=1)
        # Bilinear, for 2 ms: from nearest neighbours the network builds its strokes out of squares of 8
        # pixels.
        self.upsample = nn.Upsample(scale_factor=2, mode="bilinear")
        self.refine1, self.refine2 = ConvNorm(width, width), ConvNorm(width, width)
        wide = 3 * width // 2
        self.up = Conv(width, wide, 3)
        self.head = Conv(wide, 3 * FOLD**2, 3)

    @torch.no_grad()
    def constrain(self) -> None:
        """Called after each training step: on a plain surface all sixteen pixels of a square get one colour,
        whatever the head has learned.

        Otherwise it paints a grid of squares, the cheapest texture there is. A kernel's answer to a plain
        surface is the sum of its taps; the part of it that differs from pixel to pixel is taken away, and so
        is that of the bias.
        """
        weight, bias = self.head.weight, self.head.bias
        plain = weight.sum((2, 3)).view(FOLD**2, 3, -1)
        surplus = (plain - plain.mean(0)).reshape(len(weight), -1, 1, 1)
        weight.sub_(surplus / weight[0, 0].numel())
        if bias is not None:
            bias.copy_(bias.view(FOLD**2, 3).mean(0).repeat(FOLD**2))

    def core(self, x: Tensor) -> Tensor:
        """The network on folded pictures: (N, 48, h, w) -> (N, 48, h, w), h and w even."""
        fine = torch.relu(self.stem(x))
        x = self.body(torch.relu(self.down(fine)))
        x = torch.relu(self.upsample(self.lateral(x)) + fine)
        x = x + torch.relu(self.refine1(x))
        x = x + torch.relu(self.refine2(x))
        painted: Tensor = self.head(torch.relu(self.up(x)))
        return painted

    def forward(self, x: Tensor) -> Tensor:
        return unfold(self.core(fold(x)))
