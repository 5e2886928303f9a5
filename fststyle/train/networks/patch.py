"""The patch discriminator of `fststyle translate train`.

PatchGAN of Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks"
(arXiv:1611.07004), section 3.2 and appendix 6.1.2: layers C64-C128-C256-C512 with 4x4 kernels, LeakyReLU with
slope 0.2, and one score per patch of 70x70 pixels. Departures, both as in CycleGAN (Zhu et al. 2017):
instance norm instead of batch norm, and no conditioning on the input, since the data is unpaired.
"""

from torch import Tensor, nn


class PatchDiscriminator(nn.Module):
    """Discriminator that scores overlapping patches of 70x70 pixels of an image.

    For RGB images (N, 3, H, W) in [-1, 1], it returns one score per patch, (N, 1, H // 8 - 2, W // 8 - 2).
    H and W must be at least 32.

    Args:
        width: channels of the first layer.
    """

    def __init__(self, width: int = 64):
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        channels = width
        for stride in (2, 2, 1):
            layers += [
                nn.Conv2d(channels, 2 * channels, 4, stride, 1, bias=False),
                nn.InstanceNorm2d(2 * channels),
                nn.LeakyReLU(0.2),
            ]
            channels *= 2
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, 1, 4, 1, 1))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # Isola et al., appendix 6.2
                nn.init.normal_(module.weight, 0.0, 0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        score: Tensor = self.layers(image)
        return score
