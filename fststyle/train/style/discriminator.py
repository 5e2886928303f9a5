"""The adversarial loss of `fststyle train`: patches of the stylized image should look like patches of the
painting.

Gram matrices compare means over the image, so a network can match them with soft strokes of one kind. A
discriminator learns to tell patches of stylized images from patches of the painting, and the network learns
to mislead it: strokes become crisp and varied, with all colors of the painting, but the subject becomes less
clear (docs/experiments.md, seventh series).
"""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from fststyle.errors import CheckpointError
from fststyle.train import checkpoint
from fststyle.train.checkpoint import Checkpoint
from fststyle.train.compute import Compute
from fststyle.train.losses.adversarial import discriminator_loss, generator_loss
from fststyle.train.losses.multiscale import LAYERS
from fststyle.train.networks.feature_discriminator import FeatureDiscriminator
from fststyle.train.networks.vgg import VGG16
from fststyle.train.optimizer_step import minimize
from fststyle.train.style.loss import StyleLosses, load_style_image

RATE = 4e-4
"""Learning rate of the discriminator's optimizer, Adam with beta1 = 0, as in Miyato et al. 2018."""
WARM_UP = 60
"""Number of initial steps in which the discriminator learns, but does not affect the network yet."""
SCALES = (0.8, 1.2)
"""Range of the random scale of the painting."""


class StyleDiscriminator:
    """A discriminator and its optimizer. It learns to tell stylized images from crops of one painting by
    their VGG-16 features.

    Args:
        vgg: the loss network, on the device.
        style_image: the painting, (1, 3, h, w) RGB in [-1, 1], on the device.
        size: side of the crops of the painting in pixels. If the painting is smaller, it is upscaled.
        compute: device and precision. If there are several processes, they average the gradients.
    """

    def __init__(self, vgg: VGG16, style_image: Tensor, size: int, compute: Compute):
        self.vgg, self.style_image, self.size, self.compute = vgg, style_image, size, compute
        with torch.no_grad():
            examples = vgg(style_image, LAYERS[1])
        self.net = compute.place(FeatureDiscriminator(examples))
        self.optimizer = torch.optim.Adam(self.net.parameters(), RATE, betas=(0.0, 0.9))

    def learn(self, features: Mapping[str, Tensor], seed: int) -> None:
        """Run one training step of the discriminator, with a random crop of the painting as the real image.

        Args:
            features: the VGG-16 features of stylized images by layer. No gradient flows to them.
            seed: seed of the random crop.
        """
        with self.compute.autocast():
            with torch.no_grad():
                crop = self.vgg(self._crop(random.Random(seed)), LAYERS[1])
            real = self.net(crop)
            fake = self.net({layer: found.detach() for layer, found in features.items()})
        losses = [discriminator_loss("hinge", real[layer], fake[layer]) for layer in real]
        minimize(self.optimizer, torch.stack(losses).mean(), self.compute.average_gradients)

    def loss(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the adversarial loss of stylized images, a scalar: the negative mean score of their VGG-16
        features, given by layer.
        """
        # The gradient flows to the features only.
        self.net.requires_grad_(False)
        with self.compute.autocast():
            scores = self.net(features)
        self.net.requires_grad_(True)
        return torch.stack([generator_loss("hinge", score) for score in scores.values()]).mean()

    def state(self) -> dict[str, Any]:
        """Return the weights ("model") and the optimizer state ("optimizer") for the checkpoint."""
        return {"model": self.net.state_dict(), "optimizer": self.optimizer.state_dict()}

    def _crop(self, generator: random.Random) -> Tensor:
        """Return a random crop of the painting, with random scale and horizontal flip, (1, 3, size, size)."""
        height, width = self.style_image.shape[2:]
        scale = max(generator.uniform(*SCALES), self.size / min(height, width))
        shape = [max(self.size, round(side * scale)) for side in (height, width)]
        image = F.interpolate(self.style_image, shape, mode="bicubic", antialias=True).clamp(-1, 1)
        top, left = (generator.randint(0, side - self.size) for side in shape)
        crop = image[..., top : top + self.size, left : left + self.size]
        return crop.flip(3) if generator.random() < 0.5 else crop


def new_discriminator(
    losses: StyleLosses, earlier: Checkpoint | None, path: Path
) -> StyleDiscriminator | None:
    """Return the discriminator for the adversarial loss, or None if ``--adversarial-weight`` is 0.

    Args:
        losses: the losses, which contain the settings and the loss network.
        earlier: the checkpoint from which the discriminator and its optimizer are restored; None for new
            ones, with random weights from the seed in the settings.
        path: the file of `earlier`, for error messages.

    Raises:
        CheckpointError: the state of the discriminator is missing or damaged.
    """
    settings = losses.settings
    if not settings.adversarial_weight:
        return None
    style_image = losses.compute.place(load_style_image(settings))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        discriminator = StyleDiscriminator(losses.vgg, style_image, settings.size, losses.compute)
    if earlier:
        state = earlier.get("discriminator")
        if not isinstance(state, dict) or not isinstance(state.get("model"), dict):
            raise CheckpointError(f"{path}: contains no state of the discriminator (--adversarial-weight)")
        checkpoint.load_weights(discriminator.net, state["model"], str(path))
        checkpoint.load_optimizer(discriminator.optimizer, state.get("optimizer"), str(path))
    return discriminator
