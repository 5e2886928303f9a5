"""Initial weights of a training run, from a checkpoint or a style file.

A style file contains the weights under the names that they have in the network, with the prefix `PREFIX`.
"""

import fnmatch
import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn

from fststyle import catalogue
from fststyle.errors import CheckpointError, InputError, StyleError
from fststyle.runtime.weights import PREFIX, learned
from fststyle.train import checkpoint
from fststyle.train.checkpoint import Checkpoint
from fststyle.train.keyframe.settings import KeyframeSettings
from fststyle.train.networks import DEFAULTS, NETWORKS
from fststyle.train.style.settings import TrainSettings
from fststyle.train.translate.settings import TranslateSettings

BASE = "live-base"
"""Name of the base network, which reproduces the photo. With `--strength 0`, a style has the weights of
this network.
"""
PRETRAINED = "live-start"
"""Name of the weights that were trained on many paintings (tools/together.py). A training run that starts
from them needs fewer steps. They derive from the base network, so styles trained from them can be mixed with
it and with each other.
"""


def resolve_initial_weights(settings: TrainSettings | TranslateSettings | KeyframeSettings, auto: str) -> str:
    """Return where the initial weights that ``--from`` selects are read from: a name or a file name for
    `read_initial_weights`, or "none" for random weights.

    Args:
        settings: the settings of the training run. Their field ``from_`` is the value of ``--from``. Values
            other than "auto" are returned unchanged.
        auto: the result for "auto" if the network is the live network of the default size, which all included
            weights match; "none" is returned for other networks.
    """
    if settings.from_ != "auto":
        return str(settings.from_)
    fits = settings.network == "live" and settings.width is None and settings.blocks is None
    return auto if fits else "none"


def check_size(size: int, network: str) -> None:
    """Raise `InputError` if `size`, in pixels, is not a multiple of the stride of the network."""
    stride: int = NETWORKS[network].stride  # type: ignore[attr-defined]
    if size % stride:
        near = size // stride * stride
        raise InputError(
            f"--size {size}: must be a multiple of {stride} for {network}, for example {near} or"
            f" {near + stride}"
        )


def network_settings(settings: TrainSettings | TranslateSettings | KeyframeSettings) -> dict[str, int]:
    """Return the arguments of the network: its defaults, overridden by the settings ``width`` and ``blocks``
    unless they are None.
    """
    given = {name: getattr(settings, name) for name in ("width", "blocks")}
    return DEFAULTS[settings.network] | {name: value for name, value in given.items() if value is not None}


def load_initial_weights(net: nn.Module, source: str) -> None:
    """Load initial weights into a network.

    Args:
        net: the network.
        source: the name or file of the weights; see `read_initial_weights`.

    Raises:
        StyleError: see `read_initial_weights`.
        CheckpointError: see `read_initial_weights`; or the weights do not match `net`.
    """
    checkpoint.load_weights(net, read_initial_weights(source), source)


def freeze(net: nn.Module, patterns: str) -> None:
    """Freeze the parameters of `net` whose names match `patterns`.

    Args:
        net: the network.
        patterns: comma-separated names, with * as a wildcard, for example ``body.*``.

    Raises:
        InputError: a pattern matches no parameter, or no trainable parameter remains.
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
    """Return the SHA-256 hash of the base network that the weights `source` were trained from, or "" if there
    is none or `source` is "none".

    A base network, such as `BASE`, reproduces its input. Styles with the same base network can be mixed. If
    `source` is itself a base network, its own hash is returned, otherwise the hash in its checkpoint or its
    metadata.

    Raises:
        StyleError, CheckpointError: see `read_initial_weights`.
    """
    if source == "none":
        return ""
    if source.endswith(".pt"):
        return str(checkpoint.load(Path(source), checkpoint.STYLE_KINDS).get("base", ""))
    content = _file(source).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return digest if catalogue.base_network(digest) else catalogue.metadata(content).get("base", "")


def training_base_sha256(source: str, earlier: Checkpoint | None) -> str:
    """Return the SHA-256 hash of the base network of a training run, or "" if it has none.

    A resumed run takes it from its checkpoint `earlier`. For a new run, where `earlier` is None, it is
    `base_sha256` of the initial weights `source`.
    """
    return str(earlier.get("base", "")) if earlier else base_sha256(source)


def read_initial_weights(source: str) -> dict[str, Tensor]:
    """Return the weights of a network by parameter name.

    Args:
        source: a .pt checkpoint, a .onnx file, or the name of a style, of the base network or of the
            pretrained weights.

    Raises:
        StyleError: `source` is not a known name, or the .onnx file does not exist.
        CheckpointError: the checkpoint does not exist, or the file cannot be read, is damaged, or contains no
            usable weights. The weights of int8 files are not usable.
    """
    if source.endswith(".pt"):
        return dict(checkpoint.load(Path(source), checkpoint.STYLE_KINDS)["model"])
    path = _file(source)
    import onnx

    try:
        found = learned(onnx.load(path, load_external_data=False))
    except OSError as error:
        raise CheckpointError(f"{source}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # protobuf and onnx raise many exception types for a damaged file
        raise CheckpointError(f"{source}: is damaged or not a style file") from error
    if not found:
        raise CheckpointError(f"{source}: contains no usable initial weights")
    return {name.removeprefix(PREFIX): torch.from_numpy(weight) for name, weight in found.items()}


def _file(source: str) -> Path:
    """Return the path of the .onnx file that `source` refers to.

    Args:
        source: the name of an .onnx file, of a style, of the base network or of the pretrained weights.

    Raises:
        StyleError: the file does not exist, or the name is not known.
    """
    if source.endswith(".onnx"):
        path = Path(source)
        if not path.is_file():
            raise StyleError(f"--from {source}: no such file")
        return path
    if (known := catalogue.base_network(source) or catalogue.initial_weights(source)) is not None:
        return known.path
    return catalogue.find(source).path
