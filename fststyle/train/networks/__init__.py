"""The networks by name. A checkpoint records name and settings, so loading one needs no flags."""

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
"""The arguments of the networks that paint, recorded in every checkpoint."""


def build(name: str, settings: dict[str, Any]) -> nn.Module:
    """A fresh network with random weights.

    Raises:
        CheckpointError: no network of that name, or settings it does not have.
    """
    if name not in NETWORKS:
        raise CheckpointError(f"there is no network {name!r}; there is {', '.join(NETWORKS)}")
    try:
        return NETWORKS[name](**settings)
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"the network {name!r} has no such settings: {settings}") from error
