"""Train the base of the live styles, a network that reproduces the photo, and add it to the shipped files.

    python tools/base.py --data PHOTOS
    python tools/base.py --again             # export the shipped weights again, with the current exporter

The loss is the mean absolute and the mean squared error of the pixels, on crops of photos. It needs no loss
network, so the training takes minutes.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from listing import file_facts, put
from numpy.typing import NDArray
from rich.console import Console
from torch import nn

from fststyle import catalogue
from fststyle.catalogue import SHIPPED
from fststyle.export.style import Card, export_module
from fststyle.train.compute import computing
from fststyle.train.data.loader import Photos, Scenes, batches, held_out, photo_source
from fststyle.train.loop import run
from fststyle.train.muon import Muon
from fststyle.train.networks import build
from fststyle.train.style.init_weights import BASE, start_from

NAME = BASE


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, help="folder of photos; default: those of `fststyle data`, else synthetic scenes"
    )
    parser.add_argument(
        "--from", dest="from_", default="none", help="initial weights, as of `fststyle train`"
    )
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument(
        "--again", action="store_true", help="export the shipped weights again, without training"
    )
    args = parser.parse_args()
    source = photo_source(args.data, args.size)
    if args.again:
        net = build("live", {})
        start_from(net, NAME)
        trained = catalogue.base(NAME).trained_with
    else:
        net = train(args, source)
        trained = {
            "data": args.data.name if args.data else source.source,
            "steps": args.steps,
            "size": args.size,
            "batch": args.batch,
            "learning_rate": args.learning_rate,
        }
    ship(net, trained, held_out(source, 16))


def train(args: argparse.Namespace, source: Photos | Scenes) -> nn.Module:
    """Train a network that reproduces photos."""
    console = Console()
    torch.manual_seed(0)
    with computing("auto", "auto", args.batch) as compute:
        net = build("live", {})
        if args.from_ != "none":
            start_from(net, args.from_)
        net = compute.place(net)
        optimizer = Muon(net, lr=args.learning_rate)

        def step(number: int, batch: tuple[torch.Tensor, list[str]]) -> dict[str, torch.Tensor]:
            photo = compute.place(batch[0].float().div(127.5).sub(1))
            for group in optimizer.param_groups:
                group["lr"] = (
                    args.learning_rate * min(1.0, (number + 1) / 20) * (1 - 0.98 * number / args.steps)
                )
            with compute.autocast():
                difference = net(photo).float() - photo
            loss = difference.abs().mean() + 5 * difference.square().mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            net.constrain()
            return {
                "loss": loss.detach(),
                "decibels": 10 * torch.log10(4 / difference.detach().square().mean()),
            }

        run(
            step,
            batches(source, seed=0, batch=args.batch, start=0, steps=args.steps, workers=0),
            start=0,
            steps=args.steps,
            batch_size=args.batch,
            compute=compute,
            save=lambda done: None,
            save_every=args.steps,
            preview=lambda done: None,
            preview_every=0,
            report=lambda p: (
                console.print(
                    f"step {p.step} of {p.steps}  {p.rate:.1f} images/s  {p.losses['decibels']:.1f} dB"
                )
                if p.step % 100 == 0
                else None
            ),
        )
    return net


def ship(net: nn.Module, trained: dict[str, Any], crops: list[NDArray[np.uint8]]) -> None:
    """Write the file and its catalogue entry."""
    card = Card(name=NAME, network="live", trained_with=trained, title="the photo itself")
    target = SHIPPED / f"{NAME}.onnx"
    parity = export_module(
        net.cpu().to(memory_format=torch.contiguous_format).eval(), card, target, "fp16-weights", crops
    )
    put(
        {
            "name": NAME,
            "kind": "base",
            "title": "the photo itself: what live styles are trained from",
            "licence": "CC0 1.0 (weights)",
            "network": "live",
            "precision": "fp16-weights",
            **file_facts(target, parity),
            "trained_with": trained,
        }
    )
    print(f"{target}  parity {parity}")


if __name__ == "__main__":
    main()
