"""Weights to start from: a checkpoint, or any style file of ours, since an ONNX file keeps the weights under
their own names.
"""

import fnmatch
import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fststyle import catalogue
from fststyle.errors import CheckpointError, InputError
from fststyle.runtime.weights import PREFIX, learned
from fststyle.train import checkpoint
from fststyle.train.networks import DEFAULTS, NETWORKS

BASE = "live-base"
"""Gives the photo back; what strength 0 is."""
START = "live-start"
"""Weights learned from many paintings at once (tools/joint.py), so a new painting needs fewer steps from
here. They are a relative of the base, so what is trained from them can be mixed with the base and with every
other style.
"""


def starting_point(settings: Any, auto: str) -> str:
    """What ``--from auto`` means: the weights called `auto`, for a network of their shape; else random
    ones.
    """
    if settings.from_ != "auto":
        return str(settings.from_)
    fits = settings.network == "live" and settings.width is None and settings.blocks is None
    return auto if fits else "none"


def check_size(size: int, network: str) -> None:
    """Raise `InputError` for crops that the network cannot paint."""
    stride: int = NETWORKS[network].stride  # type: ignore[attr-defined]
    if size % stride:
        near = size // stride * stride
        raise InputError(f"--size {size}: {network} takes multiples of {stride}, {near} or {near + stride}")


def network_settings(settings: Any) -> dict[str, int]:
    """The arguments that the network is built with; those not given are the network's own defaults."""
    given = {name: getattr(settings, name) for name in ("width", "blocks")}
    return DEFAULTS[settings.network] | {name: value for name, value in given.items() if value is not None}


def start_from(net: nn.Module, source: str) -> None:
    """Fill `net` with the weights of `source`, see `starting_weights`.

    Raises:
        CheckpointError: the weights are of another network.
    """
    checkpoint.load_weights(net, starting_weights(source), source)


def freeze(net: nn.Module, patterns: str) -> None:
    """Leave out of the training what `patterns` name: names of parameters with * for anything, several with
    commas between.

    Raises:
        InputError: one of them names no parameter, or nothing is left to learn.
    """
    for pattern in (text.strip() for text in patterns.split(",")):
        named = [
            parameter for name, parameter in net.named_parameters() if fnmatch.fnmatchcase(name, pattern)
        ]
        if not named:
            parts = ", ".join(
                f"{name}.*" for name, part in net.named_children() if any(True for _ in part.parameters())
            )
            raise InputError(f"--freeze {pattern}: the network has no such parameters; its parts are {parts}")
        for parameter in named:
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in net.parameters()):
        raise InputError(f"--freeze {patterns}: nothing would be left to learn")


def base_of(source: str) -> str:
    """The sha256 of the base that weights come from, which makes styles mixable: of the file itself if it is
    one, else what it says; "" if none.
    """
    if source == "none":
        return ""
    if source.endswith(".pt"):
        return str(checkpoint.load(Path(source), checkpoint.PAINTERS).get("base", ""))
    content = _file(source).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return digest if catalogue.base(digest) else catalogue.metadata(content).get("base", "")


def starting_weights(source: str) -> dict[str, Tensor]:
    """`source` is a .pt checkpoint, a .onnx file, or the name of a style in the catalogue; gives the weights
    by name, in float32.

    Raises:
        StyleError: no style of that name.
        CheckpointError: the file holds no weights of ours.
    """
    if source.endswith(".pt"):
        return dict(checkpoint.load(Path(source), checkpoint.PAINTERS)["model"])
    path = _file(source)
    import onnx

    try:
        found = learned(onnx.load(path, load_external_data=False))
    except Exception as error:  # protobuf and onnx raise what they like for a damaged file
        raise CheckpointError(f"{source}: is damaged or no style file at all") from error
    if not found:
        raise CheckpointError(f"{source}: holds no weights that a training could start from")
    return {name.removeprefix(PREFIX): torch.from_numpy(weight) for name, weight in found.items()}


def _file(source: str) -> Path:
    if source.endswith(".onnx"):
        return Path(source)
    if (known := catalogue.base(source) or catalogue.start(source)) is not None:
        return known.path
    return catalogue.find(source).path
