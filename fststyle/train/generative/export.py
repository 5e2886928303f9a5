"""Export of GANs, VAEs and classifiers to ONNX, at the end of training and by `fststyle export`."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fststyle.catalogue import encoder_of
from fststyle.export.graph import write as write_files
from fststyle.export.model import FrameInput, PictureOutput, export_model
from fststyle.train.checkpoint import Checkpoint
from fststyle.train.networks.vae import Decoder, Encoder
from fststyle.train.style.settings import recorded_settings

KINDS = ("gan", "vae", "classifier")
"""The kinds of checkpoints that this module exports."""
_GENERATOR_CONTRACT = "latent float32 (N, Z) -> picture uint8 (N, S, S, 3) RGB"
_ENCODER_CONTRACT = "frame uint8 (N, S, S, 3) RGB -> latent float32 (N, Z), deviation float32 (N, Z)"
_CLASSIFIER_CONTRACT = "frame uint8 (N, S, S, 3) RGB -> logits float32 (N, classes), features float32 (N, F)"
_COPIED_KEYS = (
    "kind",
    "name",
    "title",
    "artist",
    "year",
    "license",
    "network",
    "network_settings",
    "step",
    "data_sha256",
)
"""Keys of the checkpoint that are copied to the metadata."""
_ROWS = 5
"""Batch size of the random inputs on which the file and the network are compared."""


def write(net: nn.Module, content: Checkpoint, path: Path, precision: str = "fp32") -> float:
    """Export the network of a checkpoint to `path`, and the encoder of a VAE to a second file next to it.

    For a GAN, the generator with the averaged weights is exported. Files are written after all graphs have
    been compared with the network.

    Args:
        net: the network named in `content`, with its weights. It is moved to the CPU and set to evaluation
            mode.
        content: a checkpoint of one of the `KINDS`. Its weights and optimizer states are not used.
        path: the .onnx file to write; an existing file is replaced. The encoder is written to
            ``encoder_of(path)``.
        precision: fp32 or fp16-weights.

    Returns:
        The largest difference between the files and the network; see `export_model`.

    Raises:
        ExportError: see `export_model`; nothing is written.
        OutputError: a file cannot be written.
    """
    net = net.cpu().to(memory_format=torch.contiguous_format).eval()
    shape: dict[str, Any] = content["network_settings"]
    channels = shape["channels"]
    # A separate generator, so that the export does not change the random state of the caller.
    chance = torch.Generator().manual_seed(0)

    def frames() -> Tensor:
        return torch.randint(
            0, 256, (_ROWS, shape["side"], shape["side"], 3), generator=chance, dtype=torch.uint8
        )

    def latents() -> Tensor:
        return torch.randn(_ROWS, shape["latent"], generator=chance)

    models: dict[Path, tuple[bytes, float]] = {}
    if content["kind"] == "classifier":
        about = _about(content, _CLASSIFIER_CONTRACT) | {"classes": list(content.get("classes", ()))}
        whole = FrameInput(net, channels)
        models[path] = export_model(whole, frames(), ["logits", "features"], about, precision)
    else:
        if content["kind"] == "vae":
            about = {**_about(content, _ENCODER_CONTRACT), "kind": "vae-encoder"}
            encoder = FrameInput(Encoder(net), channels)  # type: ignore[arg-type]
            models[encoder_of(path)] = export_model(
                encoder, frames(), ["latent", "deviation"], about, precision
            )
        generator = net.average if content["kind"] == "gan" else Decoder(net)  # type: ignore[arg-type]
        about = _about(content, _GENERATOR_CONTRACT)
        drawing = PictureOutput(generator, channels)  # type: ignore[arg-type]
        models[path] = export_model(drawing, latents(), ["picture"], about, precision)
    write_files({target: model for target, (model, _) in models.items()})
    return max(difference for _, difference in models.values())


def _about(content: Checkpoint, contract: str) -> dict[str, Any]:
    """Return the metadata of the ONNX file: the values of `_COPIED_KEYS` in the checkpoint `content` ("" if
    missing), the training settings, and `contract`, the description of inputs and outputs.
    """
    copied = {key: content.get(key, "") for key in _COPIED_KEYS}
    return {**copied, "trained_with": recorded_settings(content["settings"]), "contract": contract}
