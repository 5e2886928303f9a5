"""Write a checkpoint of a network that draws less of a mesh of fine lines, but otherwise the same images.

    python tools/remove_mesh.py udnie.pt udnie-clean.pt --data photos/

Live networks draw lines along rows and columns of pixels that repeat every few pixels. This tool trains the
last layers of a network (`refine1` to `head`) to output the same images with a lower `mesh_loss`
(fststyle/train/losses/mesh.py). No style image and no loss network are needed.
"""

import argparse
import copy
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from fststyle.errors import CheckpointError
from fststyle.train import checkpoint
from fststyle.train.data.loader import Photos, Scenes, batches, photo_source
from fststyle.train.losses.clamp import clamp_output
from fststyle.train.losses.grid import grid_artifact_loss
from fststyle.train.losses.mesh import mesh_log_ratio, mesh_loss
from fststyle.train.networks.live import Live

TRAINED = ("refine", "up.", "head.")
"""Prefixes of the names of the trained parameters."""
RATE = 3e-4
"""Learning rate of Adam at the first step. It decays linearly to 1/20."""
SAME, MESH, GRID = 300.0, 0.3, 0.03
"""Weights of the losses: MSE from the original output, for pixels in [-1, 1], mesh, and grid artifacts."""


def remove_mesh(
    net: Live,
    source: Photos | Scenes,
    steps: int,
    batch: int,
    report: Callable[[int, dict[str, float]], None],
) -> None:
    """Train the last layers of `net`, in place.

    Args:
        net: the network.
        source: the training photos.
        steps: number of training steps.
        batch: photos per step.
        report: called after each step with its number, from 0, and its weighted losses.
    """
    before = copy.deepcopy(net).train()
    net.train()
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(name.startswith(TRAINED))
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], RATE)
    samples = batches(source, seed=0, batch=batch, start=0, steps=steps, workers=0)
    for step, (pixels, _) in enumerate(samples):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - 0.95 * step / steps)
        losses = _losses(net, before, pixels.float().div(127.5).sub(1), seed=step)
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        optimizer.step()
        net.constrain()
        report(step, {name: value.item() for name, value in losses.items()})


def _losses(net: Live, before: Live, photo: Tensor, seed: int) -> dict[str, Tensor]:
    """Return the weighted losses of `net`, compared with the original network `before`."""
    with torch.random.fork_rng(devices=[]):  # both networks draw the same offset of the noise field
        torch.manual_seed(seed)
        with torch.no_grad():
            target = clamp_output(before(photo))
        torch.manual_seed(seed)
        stylized = clamp_output(net(photo))
    return {
        "same": SAME * (stylized - target).square().mean(),
        "mesh": MESH * mesh_loss(stylized, mesh_log_ratio(photo)).mean(),
        "grid": GRID * grid_artifact_loss(stylized, net.stride).mean(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, help="folder of photos; default: as for `fststyle train`")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, default=256, help="side of the photo crops in pixels")
    args = parser.parse_args()
    content = checkpoint.load(args.checkpoint, checkpoint.STYLE_KINDS)
    net = checkpoint.restore(content, args.checkpoint)
    if not isinstance(net, Live):
        raise CheckpointError(f"{args.checkpoint}: the network is {content['network']}, not live")

    def report(step: int, losses: dict[str, float]) -> None:
        if step % 20 == 0 or step == args.steps - 1:
            print(f"step {step}", *(f"{name} {value:.3f}" for name, value in losses.items()), flush=True)

    remove_mesh(net, photo_source(args.data, args.size), args.steps, args.batch, report)
    checkpoint.save(args.out, {**content, "model": net.state_dict()})


if __name__ == "__main__":
    main()
