"""Registry of the networks.

A checkpoint contains the name and the arguments of its network, so it can be loaded without further options.
"""

from collections.abc import Mapping

from torch import nn

from fststyle.errors import CheckpointError
from fststyle.train.networks.classifier import Classifier
from fststyle.train.networks.gan import Gan
from fststyle.train.networks.johnson import Johnson
from fststyle.train.networks.live import Live
from fststyle.train.networks.vae import Vae

NetworkSettings = Mapping[str, int | str]
"""Keyword arguments of a network class, as stored in a checkpoint."""

NETWORKS: dict[str, type[nn.Module]] = {
    "johnson": Johnson,
    "live": Live,
    "classifier": Classifier,
    "gan": Gan,
    "vae": Vae,
}
"""The network classes by name."""

DEFAULTS: dict[str, dict[str, int]] = {
    "johnson": {"width": 32, "blocks": 5},
    "live": {"width": 48, "blocks": 2, "coarse_blocks": 3},
}
"""Default arguments of the stylization networks. A checkpoint stores all arguments, including these."""


def build(name: str, settings: NetworkSettings) -> nn.Module:
    """Build a network with random weights.

    Args:
        name: a key of `NETWORKS`.
        settings: the keyword arguments of its class.

    Raises:
        CheckpointError: the name is unknown, or the network does not accept the arguments.
    """
    if name not in NETWORKS:
        raise CheckpointError(f"unknown network {name!r}; use one of {', '.join(NETWORKS)}")
    try:
        return NETWORKS[name](**settings)
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"invalid arguments for the network {name!r}: {settings}") from error
