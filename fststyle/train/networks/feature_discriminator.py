"""The discriminator of `fststyle train`. It scores patches of VGG-16 features, and learns to give high scores
to those of the style image.

Li and Wand 2016, "Precomputed Real-Time Texture Synthesis with Markovian Generative Adversarial Networks"
(arXiv:1604.04382): a discriminator on VGG features of patches. Departures: a small network for each of
several layers, as in "Projected GANs Converge Faster" (Sauer et al. 2021, arXiv:2111.01007), and spectral
norm (Miyato et al. 2018, arXiv:1802.05957).
"""

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

WIDTH = 64
"""Channels of the discriminator's layers."""
FINE = ("relu1_2", "relu2_2")
"""Layers whose score maps have half the size of the features."""
SMALLEST = 11
"""Minimum side of the features for a score map of at least 1x1. Smaller features are padded."""


class FeatureDiscriminator(nn.Module):
    """Discriminator with one small convolutional network per VGG-16 layer, which scores each patch of the
    layer's features.

    Args:
        examples: features of the style image by layer, (1, C, h, w) each. Their RMS is used to normalize the
            input of the networks: each channel is divided by the average of its own RMS and the mean RMS of
            all channels of the layer.
    """

    def __init__(self, examples: Mapping[str, Tensor]):
        super().__init__()
        self.heads = nn.ModuleDict()
        for layer, features in examples.items():
            rms = features.float().square().mean((0, 2, 3), keepdim=True).sqrt() + 1e-3
            # Recomputed from the style image, so not stored in checkpoints.
            self.register_buffer(f"rms_{layer}", (rms + rms.mean()) / 2, persistent=False)
            self.heads[layer] = nn.Sequential(
                spectral_norm(nn.Conv2d(features.shape[1], WIDTH, 1)),
                nn.LeakyReLU(0.2),
                spectral_norm(nn.Conv2d(WIDTH, WIDTH, 3, 2 if layer in FINE else 1)),
                nn.LeakyReLU(0.2),
                spectral_norm(nn.Conv2d(WIDTH, WIDTH, 3, dilation=2)),
                nn.LeakyReLU(0.2),
                spectral_norm(nn.Conv2d(WIDTH, 1, 1)),
            )

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the scores by layer, (N, 1, h', w') each.

        Args:
            features: features by layer, (N, C, h, w) each. If h or w is below `SMALLEST`, the right or lower
                edge is repeated up to this size.
        """
        return {
            layer: head(_padded(features[layer] / getattr(self, f"rms_{layer}")))
            for layer, head in self.heads.items()
        }


def _padded(features: Tensor) -> Tensor:
    right, below = (max(0, SMALLEST - side) for side in (features.shape[3], features.shape[2]))
    return F.pad(features, (0, right, 0, below), mode="replicate") if right or below else features
