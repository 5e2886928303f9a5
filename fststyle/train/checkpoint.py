"""Checkpoints: one plain dict of tensors, numbers and strings, written whole or not at all, read without
running code.

Keys: ``format``, ``kind`` (style, gan, ...), ``network`` and ``network_settings``, ``model``, ``optimizer``,
``step``, ``settings``, and whatever the verb adds. There is no random state to save: every sample is a
function of the seed and its number (see `fststyle.train.data.loader`).
"""

import io
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fststyle.errors import CheckpointError, OutputError
from fststyle.io.files import replacing
from fststyle.signals import undisturbed
from fststyle.train.networks import build

FORMAT = "fststyle-checkpoint-1"
PAINTERS = ("style", "translate")
"""Kinds whose ``network`` paints frames: what can be exported as a style, or be trained on as one."""


def save(path: Path, content: dict[str, Any]) -> None:
    """Write `content` to `path` through a temporary file beside it.

    Raises:
        OutputError: the folder cannot be written to, or the disk is full; an older checkpoint stays as it
            was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A second Ctrl-C comes while the first one's checkpoint is written.
        with undisturbed(), replacing(path) as file:
            # In memory first: torch has no words for a full disk.
            whole = io.BytesIO()
            torch.save({"format": FORMAT, **content}, whole)
            file.write(whole.getbuffer())
    except OSError as error:
        raise OutputError(f"{path}: the checkpoint cannot be written ({error.strerror})") from error


def load(path: Path, kind: str | tuple[str, ...] = "style") -> dict[str, Any]:
    """Read a checkpoint of ours on the CPU, with ``weights_only`` so that no code in it can run.

    Raises:
        CheckpointError: missing, damaged, hostile, not a checkpoint of fststyle, or of another kind.
    """
    if path.suffix == ".onnx":
        raise CheckpointError(f"{path}: is an .onnx file already, not a checkpoint (.pt)")
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint")
    if _torn(path):
        raise CheckpointError(f"{path}: is damaged (its checksums do not fit)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an old pickle protocol, which no checkpoint of ours has
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path}: refused, it is not a plain checkpoint of fststyle (it may hold code)"
        ) from error
    except Exception as error:  # torch raises nearly anything for a damaged file
        raise CheckpointError(f"{path}: is damaged or no checkpoint at all") from error
    needed = {
        "kind": str,
        "network": str,
        "network_settings": dict,
        "model": dict,
        "step": int,
        "settings": dict,
    }
    if (
        not isinstance(content, dict)
        or content.get("format") != FORMAT
        or any(not isinstance(content.get(k), t) for k, t in needed.items())
    ):
        raise CheckpointError(f"{path}: not a checkpoint of fststyle")
    kinds = (kind,) if isinstance(kind, str) else kind
    if content["kind"] not in kinds:
        raise CheckpointError(f"{path}: a checkpoint of kind {content['kind']}, not {' or '.join(kinds)}")
    return content


def _torn(path: Path) -> bool:
    """Whether a part of the archive is not what was written, which torch does not look for; what is no
    archive is left to torch.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is not None
    except Exception:  # zipfile raises what it likes; torch will find the same and say so
        return False


def restore(content: dict[str, Any], path: Path) -> nn.Module:
    """The network of a loaded checkpoint, with its weights.

    Raises:
        CheckpointError: the weights do not fit the network that the checkpoint names.
    """
    shape = content["network_settings"]
    if content["network"] == "live" and "coarse_blocks" not in shape:  # trained before version 0.2
        shape = {"width": 32, "blocks": 3, **shape, "coarse_blocks": 0}
    net = build(content["network"], shape)
    load_weights(net, content["model"], str(path))
    return net


def load_weights(net: nn.Module, weights: dict[str, Tensor], source: str) -> None:
    """Fill `net` with `weights`, all of them, in float32.

    Raises:
        CheckpointError: a weight is missing, too many, of another shape or not finite.
    """
    wanted = net.state_dict()
    for name in [*wanted, *weights]:
        if (
            name not in weights
            or name not in wanted
            or not isinstance(weights[name], Tensor)
            or weights[name].shape != wanted[name].shape
        ):
            raise CheckpointError(f"{source}: the weights do not fit the network ({name})")
        if not torch.isfinite(weights[name]).all():
            raise CheckpointError(f"{source}: damaged, {name} is not finite")
    net.load_state_dict(weights)


def load_optimizer(optimizer: torch.optim.Optimizer, state: Any, source: str) -> None:
    """Set `optimizer` to a saved `state`.

    Raises:
        CheckpointError: the state is not one of this optimiser, or not finite.
    """
    try:
        optimizer.load_state_dict(state)
        tensors = [
            (p, value)
            for p, kept in optimizer.state.items()
            for value in kept.values()
            if isinstance(value, Tensor)
        ]
        whole = all(
            value.numel() in (1, p.numel()) and bool(torch.isfinite(value).all()) for p, value in tensors
        )
    except Exception as error:  # torch raises what it likes for a table that is not its own
        raise CheckpointError(
            f"{source}: the optimiser's state does not fit ({type(error).__name__})"
        ) from error
    if not whole:
        raise CheckpointError(f"{source}: the optimiser's state does not fit or is damaged")
