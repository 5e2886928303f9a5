"""Networks and optimizers of `fststyle translate train`."""

from pathlib import Path

import torch
from torch import nn

from fststyle.errors import CheckpointError
from fststyle.train import checkpoint
from fststyle.train.checkpoint import Checkpoint
from fststyle.train.compute import Compute
from fststyle.train.losses.contrastive import Heads, encoder_layers, features
from fststyle.train.networks import build
from fststyle.train.networks.patch import PatchDiscriminator
from fststyle.train.style.init_weights import load_initial_weights, network_settings
from fststyle.train.translate.settings import TranslateSettings


class Networks(nn.Module):
    """All networks that `fststyle translate train` trains.

    These are the generator, from photos to paintings, and its discriminator. The contrastive loss adds its
    `Heads`. The cycle loss adds the reverse generator ``back``, from paintings to photos, and its
    discriminator. The networks of a loss with weight 0 in the settings are not created.
    """

    def __init__(self, settings: TranslateSettings):
        super().__init__()
        self.generator = build(settings.network, network_settings(settings))
        self.discriminator = PatchDiscriminator(settings.discriminator_width)
        self.layers = encoder_layers(self.generator)
        if settings.contrastive_weight:
            with torch.no_grad():
                found = features(self.generator, torch.zeros(1, 3, 32, 32), self.layers)
            self.heads = Heads({name: found[name].shape[1] for name in self.layers})
        if settings.cycle_weight:
            self.back = build(settings.network, network_settings(settings))
            self.back_discriminator = PatchDiscriminator(settings.discriminator_width)

    def generator_modules(self) -> list[nn.Module]:
        """Return the modules that are trained with the loss of the generators: all but the discriminators."""
        return [module for name, module in self.named_children() if "discriminator" not in name]

    def generators(self) -> list[nn.Module]:
        """Return the generator and, for the cycle loss, the reverse generator."""
        return [module for name, module in self.named_children() if name in ("generator", "back")]

    def discriminators(self) -> list[nn.Module]:
        """Return the discriminator and, for the cycle loss, the discriminator of the reverse generator."""
        return [module for name, module in self.named_children() if "discriminator" in name]


def prepare(
    settings: TranslateSettings, compute: Compute, earlier: Checkpoint | None, path: Path
) -> tuple[Networks, tuple[torch.optim.Optimizer, torch.optim.Optimizer]]:
    """Build the networks and the optimizers, and restore their states from the checkpoint `earlier`, if it is
    not None.

    Args:
        settings: the settings of the training run.
        compute: device and precision.
        earlier: the checkpoint to resume from; None for a new training run.
        path: the path of the checkpoint file, for error messages.

    Returns:
        The networks on the device, and two optimizers: one for the generators and the heads, and one for the
        discriminators.

    Raises:
        StyleError: see `load_initial_weights`.
        CheckpointError: the checkpoint or the initial weights are damaged or do not match the networks.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        nets = Networks(settings)
    if settings.from_ != "none" and not earlier:
        for generator in nets.generators():
            load_initial_weights(generator, settings.from_)
    if earlier:
        weights = earlier.get("weights")
        if (
            not isinstance(weights, dict)
            or not isinstance(earlier.get("optimizers"), list)
            or len(earlier["optimizers"]) != 2
        ):
            raise CheckpointError(f"{path}: is damaged (the weights or the optimizer states are missing)")
        checkpoint.load_weights(nets, weights, str(path))
    nets = compute.place(nets).train()
    optimizers = tuple(
        torch.optim.Adam(
            [p for part in parts for p in part.parameters()], lr=settings.learning_rate, betas=(0.5, 0.999)
        )
        for parts in (nets.generator_modules(), nets.discriminators())
    )
    if earlier:
        for optimizer, state in zip(optimizers, earlier["optimizers"], strict=True):
            checkpoint.load_optimizer(optimizer, state, str(path))
    return nets, (optimizers[0], optimizers[1])
