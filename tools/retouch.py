"""Write a checkpoint whose network outputs retouched images: without a mesh of fine lines and, optionally,
with longer strokes, more local contrast, and details and tones of the photo.

    python tools/retouch.py the-scream.pt retouched.pt --local-contrast 0.4 --details 0.5 --tone 0.25 \\
        --data photos/
    python tools/retouch.py starry-night retouched.pt --strokes 6 --data photos/

The network learns to output the images that fststyle/train/style/retouching.py makes from its original
output, with a lower `mesh_loss` (fststyle/train/losses/mesh.py), since live networks draw lines along rows
and columns of pixels that repeat every few pixels. No style image and no loss network are needed.
"""

import argparse
import copy
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fststyle import catalogue
from fststyle.errors import CheckpointError, FststyleError, OutputError
from fststyle.io.files import refuse_overwrite
from fststyle.train import checkpoint
from fststyle.train.data.loader import Photos, Scenes, batches, held_out, photo_source, to_tensor
from fststyle.train.losses.clamp import clamp_output
from fststyle.train.losses.grid import grid_artifact_loss
from fststyle.train.losses.mesh import mesh_log_ratio, mesh_loss
from fststyle.train.muon import Muon
from fststyle.train.networks.live import Live
from fststyle.train.style.init_weights import base_sha256, read_initial_weights
from fststyle.train.style.retouching import Tone, retouched

AMOUNTS = {
    "local_contrast": "amount of the unsharp mask; 0.4 is moderate (default: 0)",
    "details": "fraction of the details of the photo that is added (default: 0)",
    "tone": "fraction, 0 to 1, by which tones approach those of the photo (default: 0)",
}
"""The amounts of `retouched`, which are options of the command line, and their help texts."""
RATE = 5e-4
"""Peak learning rate of Muon: linear warm-up over ten steps, then linear decay to 1/20."""
MEASURED = 24
"""Number of photos for the statistics of the luminance."""
SAME, MESH, GRID = 300.0, 0.3, 0.03
"""Weights of the losses: MSE from the retouched output (pixels in [-1, 1]), mesh, and grid artifacts."""


def retouch(
    net: Live,
    source: Photos | Scenes,
    amounts: Mapping[str, float],
    strokes: int,
    steps: int,
    batch: int,
    report: Callable[[int, dict[str, float]], None],
) -> None:
    """Train `net`, in place, to output what `retouched` makes from its original output.

    Args:
        net: the network.
        source: the training photos.
        amounts: `local_contrast`, `details` and `tone` of `retouched`.
        strokes: `strokes` of `retouched`.
        steps: number of training steps.
        batch: photos per step.
        report: called after each step with its number, from 0, and its weighted losses.

    Raises:
        TrainingError: no photo can be used.
    """
    before = copy.deepcopy(net).train()
    tones = _tones(net, source)

    def finish(stylized: Tensor, photo: Tensor) -> Tensor:
        return retouched(stylized, photo, strokes=strokes, **amounts, tones=tones)

    net.train()
    optimizer = Muon(net, lr=RATE)
    samples = batches(source, seed=0, batch=batch, start=0, steps=steps, workers=0)
    for step, (pixels, _) in enumerate(samples):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / 10) * (1 - 0.95 * step / steps)
        losses = _losses(net, before, pixels.float().div(127.5).sub(1), finish, seed=step)
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        optimizer.step()
        net.constrain()
        report(step, {name: value.item() for name, value in losses.items()})


def _tones(net: Live, source: Photos | Scenes) -> Tone:
    """Return the statistics of the luminance of `MEASURED` held-out photos and of their stylized images."""
    crops = [to_tensor(crop) for crop in held_out(source, MEASURED)]
    with torch.no_grad():
        stylized = [clamp_output(net.eval()(crop[None]))[0] for crop in crops]
    return Tone.of(torch.stack(crops), torch.stack(stylized))


def _losses(
    net: Live, before: Live, photo: Tensor, finish: Callable[[Tensor, Tensor], Tensor], seed: int
) -> dict[str, Tensor]:
    """Return the weighted losses of `net`. The target is the output of the original network `before`, as
    retouched by `finish`.
    """
    with torch.random.fork_rng(devices=[]):  # both networks draw the same offset of the noise field
        torch.manual_seed(seed)
        with torch.no_grad():
            target = finish(clamp_output(before(photo)), photo)
        torch.manual_seed(seed)
        stylized = clamp_output(net(photo))
    return {
        "same": SAME * (stylized - target).square().mean(),
        "mesh": MESH * mesh_loss(stylized, mesh_log_ratio(photo)).mean(),
        "grid": GRID * grid_artifact_loss(stylized, net.stride).mean(),
    }


def read(source: str) -> dict[str, Any]:
    """Return the content of a checkpoint, or the same keys for a style.

    Args:
        source: a .pt checkpoint, a .onnx file, or the name of a style.

    Raises:
        StyleError, CheckpointError: see `read_initial_weights`.
    """
    if source.endswith(".pt"):
        return checkpoint.load(Path(source), checkpoint.STYLE_KINDS)
    weights = read_initial_weights(source)
    path = catalogue.locate(Path(source) if source.endswith(".onnx") else source).path
    card = catalogue.metadata(path.read_bytes())
    return {
        "kind": "style",
        "name": card["name"],
        "network": card["network"],
        "network_settings": json.loads(card["network_settings"]),
        "model": weights,
        "step": 0,
        "settings": json.loads(card.get("trained_with", "{}")),
        "base": base_sha256(source),
        "style_sha256": card.get("style_sha256", ""),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", help=".pt file, .onnx file or name of a style with a live network")
    parser.add_argument("out", type=Path, help=".pt file to write")
    parser.add_argument("--data", type=Path, help="folder of photos; default: as for `fststyle train`")
    for name, text in AMOUNTS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=0.0, help=text)
    parser.add_argument(
        "--strokes",
        type=int,
        default=0,
        help="pixels to average along strokes, which removes weave (default: 0)",
    )
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--size", type=int, default=320, help="side of the photo crops in pixels")
    args = parser.parse_args()
    if args.steps < 1 or args.batch < 1 or args.size < 64 or args.size % Live.stride:
        parser.error(
            "--steps and --batch must be at least 1,"
            f" --size must be a multiple of {Live.stride} and at least 64"
        )
    amounts = {name: getattr(args, name) for name in AMOUNTS}
    if not 0 <= args.strokes <= 16:
        parser.error("--strokes must be from 0 to 16")
    if not all(0 <= amount <= 2 for amount in amounts.values()) or args.tone > 1:
        parser.error("the amounts must be from 0 to 2, --tone from 0 to 1")
    if args.out.suffix != ".pt":
        raise OutputError(f"{args.out}: the result must be a .pt file")
    if not args.out.resolve().parent.is_dir():
        raise OutputError(f"{args.out}: no such folder")
    if args.out.exists():
        raise OutputError(f"{args.out}: already exists")
    refuse_overwrite((Path(args.checkpoint),), args.out)
    content = read(args.checkpoint)
    net = checkpoint.restore(content, Path(args.checkpoint))
    if not isinstance(net, Live):
        raise CheckpointError(f"{args.checkpoint}: the network is {content['network']}, not live")

    def report(step: int, losses: dict[str, float]) -> None:
        if step % 20 == 0 or step == args.steps - 1:
            print(f"step {step}", *(f"{name} {value:.3f}" for name, value in losses.items()), flush=True)

    source = photo_source(args.data, args.size)
    retouch(net, source, amounts, args.strokes, args.steps, args.batch, report)
    for former in ("optimizer", "discriminator"):  # they belong to the network before the retouching
        content.pop(former, None)
    settings = {**content["settings"], "retouched": {"strokes": args.strokes, **amounts}}
    checkpoint.save(args.out, {**content, "settings": settings, "model": net.state_dict()})


if __name__ == "__main__":
    try:
        main()
    except FststyleError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
