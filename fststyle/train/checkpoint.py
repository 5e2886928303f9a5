"""Checkpoints: nested dicts of tensors, numbers and strings, written atomically and loaded without executing
code.

The keys are ``format``, ``kind`` (style, gan, ...), ``network`` and ``network_settings``, ``model``,
``step``, ``settings``, ``optimizer`` (``optimizers`` for translate), and more for some commands. No random
state is saved: every sample is a function of the seed and of its number (see `fststyle.train.data.loader`).
"""

import io
import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fststyle.errors import CheckpointError, OutputError
from fststyle.io.files import replacing
from fststyle.signals import deferred_interrupts
from fststyle.train.networks import build

Checkpoint = dict[str, Any]
"""The content of a checkpoint, with the keys listed above."""

FORMAT = "fststyle-checkpoint-1"
"""The value of the key ``format``."""
STYLE_KINDS = ("style", "translate", "keyframe")
"""Kinds of checkpoints that contain a stylization network. They can be exported as a style, and used as
initial weights.
"""


def save(path: Path, content: Checkpoint) -> None:
    """Write `content`, with the key ``format`` added, to `path` atomically. Missing folders are created.

    Raises:
        OutputError: the file cannot be written. An existing checkpoint is kept.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A second Ctrl-C must not interrupt the checkpoint that the first one triggers.
        with deferred_interrupts(), replacing(path) as file:
            # Serialize to memory first: torch.save does not raise an OSError for a full disk.
            whole = io.BytesIO()
            torch.save({"format": FORMAT, **content}, whole)
            file.write(whole.getbuffer())
    except OSError as error:
        raise OutputError(f"{path}: the checkpoint cannot be written ({error.strerror})") from error


def load(path: Path, kind: str | tuple[str, ...] = "style") -> Checkpoint:
    """Load a checkpoint to the CPU. Uses ``weights_only``, so no code in the file can run.

    Args:
        path: the .pt file.
        kind: the allowed kind of checkpoint, such as "style", or a tuple of allowed kinds.

    Raises:
        CheckpointError: the file is missing, cannot be read, is damaged, may contain code, or is not an
            fststyle checkpoint of an allowed kind.
    """
    if path.suffix == ".onnx":
        raise CheckpointError(f"{path}: is an .onnx file, not a checkpoint (.pt)")
    if path.is_dir():
        raise CheckpointError(f"{path}: is a folder, not a checkpoint (.pt)")
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint")
    if _torn(path):
        raise CheckpointError(f"{path}: is damaged (checksum mismatch)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about old pickle protocols
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path}: is not an fststyle checkpoint; it was not loaded, since it may contain code"
        ) from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # torch raises many exception types for a damaged file
        raise CheckpointError(f"{path}: is damaged or not a checkpoint") from error
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
        raise CheckpointError(f"{path}: is not an fststyle checkpoint")
    kinds = (kind,) if isinstance(kind, str) else kind
    if content["kind"] not in kinds:
        raise CheckpointError(f"{path}: is a checkpoint of kind {content['kind']}, not {' or '.join(kinds)}")
    _rename_critic(content)
    return content


def _rename_critic(content: Checkpoint) -> None:
    """Rename "critic" to "discriminator", in place, in the content of a checkpoint that was written before
    version 0.3.
    """
    optimizers, weights = content.get("optimizer"), content.get("weights")
    if isinstance(optimizers, dict) and "critic" in optimizers:  # gan
        optimizers["discriminator"] = optimizers.pop("critic")
    if isinstance(weights, dict):  # translate
        content["weights"] = {
            re.sub(r"^(back_)?critic\.", r"\1discriminator.", str(name)): value
            for name, value in weights.items()
        }


def _torn(path: Path) -> bool:
    """Return whether the file is a zip archive with a wrong checksum. `torch.load` does not verify checksums.

    Returns False if the file cannot be read as a zip archive; `torch.load` raises an error for such a file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is not None
    except Exception:  # torch.load reports whatever is wrong
        return False


def restore(content: Checkpoint, path: Path) -> nn.Module:
    """Build the network of a loaded checkpoint, on the CPU, and load the weights of the checkpoint into it.

    Args:
        content: the checkpoint, as returned by `load`.
        path: its file, for the error message.

    Raises:
        CheckpointError: the network is unknown or does not accept its arguments, or the weights do not match
            it or are not finite.
    """
    shape = content["network_settings"]
    if content["network"] == "live" and "coarse_blocks" not in shape:  # trained before version 0.2
        shape = {"width": 32, "blocks": 3, **shape, "coarse_blocks": 0}
    net = build(content["network"], shape)
    load_weights(net, content["model"], str(path))
    return net


def load_weights(net: nn.Module, weights: dict[str, Tensor], source: str) -> None:
    """Load `weights` into `net`. The names must match exactly.

    Args:
        net: the network.
        weights: tensors by parameter or buffer name.
        source: the origin of the weights, for the error message.

    Raises:
        CheckpointError: a weight is missing, unexpected, not a tensor, of the wrong shape or not finite. The
            network is unchanged.
    """
    wanted = net.state_dict()
    for name in [*wanted, *weights]:
        if (
            name not in weights
            or name not in wanted
            or not isinstance(weights[name], Tensor)
            or weights[name].shape != wanted[name].shape
        ):
            raise CheckpointError(f"{source}: the weights do not match the network ({name})")
        if not torch.isfinite(weights[name]).all():
            raise CheckpointError(f"{source}: is damaged (a weight in {name} is not finite)")
    net.load_state_dict(weights)


def load_optimizer(optimizer: torch.optim.Optimizer, state: Any, source: str) -> None:
    """Load a saved `state` into `optimizer`.

    Args:
        optimizer: an optimizer with the same parameters as the saved one.
        state: the saved ``optimizer.state_dict()``.
        source: the origin of the state, for the error message.

    Raises:
        CheckpointError: the state does not match the optimizer, or is not finite. The optimizer may already
            have been changed.
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
    except Exception as error:  # torch raises many exception types for an invalid state
        raise CheckpointError(
            f"{source}: the optimizer state does not match the optimizer ({type(error).__name__})"
        ) from error
    if not whole:
        raise CheckpointError(f"{source}: the optimizer state does not match the network or is damaged")
