"""Export of GANs, VAEs and classifiers to ONNX, at the end of training and by `fststyle export`."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fststyle.catalogue import encoder_of
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

    For a GAN, the generator with the averaged weights is exported.

    Args:
        net: the network named in `content`, with its weights. It is moved to the CPU and set to evaluation
            mode.
        content: a checkpoint of one of the `KINDS`. Its weights and optimizer states are not used.
        path: the .onnx file to write.
        precision: fp32 or fp16-weights.

    Returns:
        The largest difference between the files and the network; see `export_model`.

    Raises:
        ExportError, OutputError: see `export_model`.
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

    if content["kind"] == "gan":
        drawing = PictureOutput(net.average, channels)  # type: ignore[arg-type]
        return export_model(
            drawing, latents(), ["picture"], _about(content, _GENERATOR_CONTRACT), path, precision
        )
    if content["kind"] == "vae":
        encoder, decoder = FrameInput(Encoder(net), channels), PictureOutput(Decoder(net), channels)  # type: ignore[arg-type]
        about = {**_about(content, _ENCODER_CONTRACT), "kind": "vae-encoder"}
        worst = export_model(encoder, frames(), ["latent", "deviation"], about, encoder_of(path), precision)
        return max(
            worst,
            export_model(
                decoder, latents(), ["picture"], _about(content, _GENERATOR_CONTRACT), path, precision
            ),
        )
    about = _about(content, _CLASSIFIER_CONTRACT) | {"classes": list(content.get("classes", ()))}
    return export_model(FrameInput(net, channels), frames(), ["logits", "features"], about, path, precision)


def _about(content: Checkpoint, contract: str) -> dict[str, Any]:
    """Return the metadata of the ONNX file: the values of `_COPIED_KEYS` in the checkpoint `content` ("" if
    missing), the training settings, and `contract`, the description of inputs and outputs.
    """
    copied = {key: content.get(key, "") for key in _COPIED_KEYS}
    return {**copied, "trained_with": recorded_settings(content["settings"]), "contract": contract}
