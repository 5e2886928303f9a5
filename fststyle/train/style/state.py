"""What the commands that train styles share: network and optimizer, content of the checkpoint, and metadata
of the style file.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fststyle.errors import CheckpointError
from fststyle.export.style import Card
from fststyle.settings import to_dict
from fststyle.train import checkpoint
from fststyle.train.checkpoint import Checkpoint
from fststyle.train.compute import Compute
from fststyle.train.keyframe.settings import KeyframeSettings
from fststyle.train.networks import build
from fststyle.train.style.init_weights import freeze, load_initial_weights, network_settings
from fststyle.train.style.settings import TrainSettings, recorded_settings
from fststyle.train.style.trainer import optimizer_for
from fststyle.train.translate.settings import TranslateSettings


def prepare(
    settings: TrainSettings | KeyframeSettings, compute: Compute, earlier: Checkpoint | None, path: Path
) -> tuple[nn.Module, torch.optim.Optimizer, list[Tensor]]:
    """Build the network and the optimizer, and restore their states from the checkpoint `earlier`, if it is
    not None.

    Args:
        settings: the settings of the training run.
        compute: device and precision.
        earlier: the checkpoint to resume from, or None.
        path: the file of `earlier`, for error messages.

    Returns:
        The network on the device, its optimizer, and the initial weights for the L2 penalty of ``--pull``, in
        the order of the parameters. The list is empty if there is no penalty or there are no initial weights.

    Raises:
        StyleError, CheckpointError: see `load_initial_weights`; or `earlier` does not match the network, or
            has no optimizer state.
        InputError: see `freeze`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        net = build(settings.network, network_settings(settings))
    initial_weights: list[Tensor] = []
    if settings.from_ != "none" and (settings.pull or not earlier):
        load_initial_weights(net, settings.from_)
        if settings.pull:
            initial_weights = [p.detach().clone().to(compute.device) for p in net.parameters()]
    if settings.freeze is not None:
        freeze(net, settings.freeze)
    if earlier:
        checkpoint.load_weights(net, earlier["model"], str(path))
    net = compute.place(net)
    optimizer = optimizer_for(net, settings)
    if earlier:
        if "optimizer" not in earlier:
            raise CheckpointError(f"{path}: contains no state of the optimizer; use --from, not --resume")
        checkpoint.load_optimizer(optimizer, earlier["optimizer"], str(path))
    return net, optimizer, initial_weights


def weights_of(net: nn.Module) -> dict[str, Tensor]:
    """Return the weights of a network by name, contiguous in memory, for a checkpoint."""
    return {key: value.contiguous() for key, value in net.state_dict().items()}


def checkpoint_content(
    kind: str,
    settings: TrainSettings | KeyframeSettings | TranslateSettings,
    name: str,
    model: dict[str, Tensor],
    done: int,
    base: str,
    **more: Any,
) -> Checkpoint:
    """Return the content of a checkpoint; see `fststyle.train.checkpoint`.

    Args:
        kind: the kind of the checkpoint, one of `fststyle.train.checkpoint.STYLE_KINDS`.
        settings: the settings of the training run.
        name: the name of the style.
        model: the weights of the network.
        done: number of completed steps.
        base: hash of the base network, from `training_base_sha256`.
        more: additional keys and their values.
    """
    return {
        "kind": kind,
        "name": name,
        "network": settings.network,
        "network_settings": network_settings(settings),
        "model": model,
        "step": done,
        "settings": to_dict(settings),
        "base": base,
        "torch": str(torch.__version__),  # a str subclass, which weights_only refuses
        **more,
    }


def card(
    settings: TrainSettings | KeyframeSettings | TranslateSettings,
    name: str,
    base: str,
    style_sha256: str = "",
) -> Card:
    """Return the metadata of the style file.

    Args:
        settings: the settings of the training run.
        name: the name of the style.
        base: hash of the base network, from `training_base_sha256`.
        style_sha256: SHA-256 hash of the style image or of the painted frames; "" if there is none.
    """
    return Card(
        name=name,
        network=settings.network,
        network_settings=network_settings(settings),
        trained_with=recorded_settings(to_dict(settings)),
        style_sha256=style_sha256,
        base=base,
    )
