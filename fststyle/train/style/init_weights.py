"""Initial weights of a training: from a checkpoint or from a style file. ONNX files keep the weight names."""

import fnmatch
import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn

from fststyle import catalogue
from fststyle.errors import CheckpointError, InputError
from fststyle.runtime.weights import PREFIX, learned
from fststyle.train import checkpoint
from fststyle.train.checkpoint import Checkpoint
from fststyle.train.keyframe.settings import KeyframeSettings
from fststyle.train.networks import DEFAULTS, NETWORKS
from fststyle.train.style.settings import TrainSettings
from fststyle.train.translate.settings import TranslateSettings

BASE = "live-base"
"""Network that reproduces the photo; equals strength 0."""
PRETRAINED = "live-start"
"""Weights trained on many paintings (tools/together.py), from which a new painting needs fewer steps. They
derive from the base, so styles trained from them can be mixed with the base and with each other.
"""


def resolve_initial_weights(settings: TrainSettings | TranslateSettings | KeyframeSettings, auto: str) -> str:
    """Resolve ``--from auto``: the weights `auto` if the network has their shape, else random weights."""
    if settings.from_ != "auto":
        return str(settings.from_)
    fits = settings.network == "live" and settings.width is None and settings.blocks is None
    return auto if fits else "none"


def check_size(size: int, network: str) -> None:
    """Raise `InputError` if the crop size is not a multiple of the network stride."""
    stride: int = NETWORKS[network].stride  # type: ignore[attr-defined]
    if size % stride:
        near = size // stride * stride
        raise InputError(
            f"--size {size}: {network} takes multiples of {stride}, for example {near} or {near + stride}"
        )


def network_settings(settings: TrainSettings | TranslateSettings | KeyframeSettings) -> dict[str, int]:
    """Arguments of the network; settings that are None use the defaults of the network."""
    given = {name: getattr(settings, name) for name in ("width", "blocks")}
    return DEFAULTS[settings.network] | {name: value for name, value in given.items() if value is not None}


def load_initial_weights(net: nn.Module, source: str) -> None:
    """Load the weights of `source` into `net`, see `read_initial_weights`.

    Raises:
        CheckpointError: the weights belong to another network.
    """
    checkpoint.load_weights(net, read_initial_weights(source), source)


def freeze(net: nn.Module, patterns: str) -> None:
    """Freeze the parameters that match `patterns`: comma-separated names with * as wildcard.

    Raises:
        InputError: a pattern matches no parameter, or no parameter remains trainable.
    """
    for pattern in (text.strip() for text in patterns.split(",")):
        named = [
            parameter for name, parameter in net.named_parameters() if fnmatch.fnmatchcase(name, pattern)
        ]
        if not named:
            parts = ", ".join(
                f"{name}.*" for name, part in net.named_children() if any(True for _ in part.parameters())
            )
            raise InputError(f"--freeze {pattern}: matches no parameter; the modules are {parts}")
        for parameter in named:
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in net.parameters()):
        raise InputError(f"--freeze {patterns}: no trainable parameters remain")


def base_sha256(source: str) -> str:
    """SHA-256 of the base weights that `source` derives from; styles with the same base can be mixed.

    It is the hash of the file if it is a base, else that in its metadata, or "" if there is none.
    """
    if source == "none":
        return ""
    if source.endswith(".pt"):
        return str(checkpoint.load(Path(source), checkpoint.PAINTERS).get("base", ""))
    content = _file(source).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return digest if catalogue.base_network(digest) else catalogue.metadata(content).get("base", "")


def training_base_sha256(source: str, earlier: Checkpoint | None) -> str:
    """The `base_sha256` of the initial weights `source`, or the one recorded in the checkpoint `earlier`."""
    return str(earlier.get("base", "")) if earlier else base_sha256(source)


def read_initial_weights(source: str) -> dict[str, Tensor]:
    """Read weights by name, in float32, from a .pt checkpoint, a .onnx file, or a style of the catalogue.

    Raises:
        StyleError: unknown style.
        CheckpointError: the file contains no fststyle weights.
    """
    if source.endswith(".pt"):
        return dict(checkpoint.load(Path(source), checkpoint.PAINTERS)["model"])
    path = _file(source)
    import onnx

    try:
        found = learned(onnx.load(path, load_external_data=False))
    except Exception as error:  # protobuf and onnx raise many exception types for a damaged file
        raise CheckpointError(f"{source}: is damaged or not a style file") from error
    if not found:
        raise CheckpointError(f"{source}: contains no weights that a training can start from")
    return {name.removeprefix(PREFIX): torch.from_numpy(weight) for name, weight in found.items()}


def _file(source: str) -> Path:
    if source.endswith(".onnx"):
        return Path(source)
    if (known := catalogue.base_network(source) or catalogue.initial_weights(source)) is not None:
        return known.path
    return catalogue.find(source).path
