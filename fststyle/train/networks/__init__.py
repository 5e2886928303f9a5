"""Registry of the networks. A checkpoint stores the name and the arguments, so loading needs no flags."""

from typing import Any

from torch import nn

from fststyle.errors import CheckpointError
from fststyle.train.networks.classifier import Classifier
from fststyle.train.networks.gan import Gan
from fststyle.train.networks.johnson import Johnson
from fststyle.train.networks.live import Live
from fststyle.train.networks.vae import Vae

NETWORKS: dict[str, type[nn.Module]] = {
    "johnson": Johnson,
    "live": Live,
    "classifier": Classifier,
    "gan": Gan,
    "vae": Vae,
}

DEFAULTS: dict[str, dict[str, int]] = {
    "johnson": {"width": 32, "blocks": 5},
    "live": {"width": 48, "blocks": 2, "coarse_blocks": 3},
}
"""Default arguments of the stylization networks, stored in every checkpoint."""


def build(name: str, settings: dict[str, Any]) -> nn.Module:
    """Build a network with random weights.

    Raises:
        CheckpointError: unknown network, or arguments that it does not accept.
    """
    if name not in NETWORKS:
        raise CheckpointError(f"unknown network {name!r}; known are {', '.join(NETWORKS)}")
    try:
        return NETWORKS[name](**settings)
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"invalid arguments for the network {name!r}: {settings}") from error
