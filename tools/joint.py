"""Train one network on many paintings at once: the start of every training, and the weights that the base and
the shipped styles come from.

    torchrun --nproc-per-node 2 tools/joint.py --paintings PAINTINGS --data PHOTOS --out joint/ --minutes 45
    python tools/base.py --data PHOTOS --from joint/identity.pt
    python tools/joint.py --ship joint/mean.pt --data PHOTOS
    fststyle train --style PAINTINGS/great-wave.jpg --from joint/great-wave.pt

Dumoulin et al. 2017, "A Learned Representation for Artistic Style" (arXiv:1610.07629): all paintings share
the convolutions and have their own instance norm parameters. Departures: each painting also has its own last
two convolutions (`up` and `head`), which write the colors; and one more "painting" asks for the photo itself,
so that the base is a relative of every style and weights can be interpolated. What one painting teaches about
edges, strokes and flat places serves all.

Leaves one checkpoint per painting, `identity.pt`, and `mean.pt` with the mean of the paintings' own
parameters.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from listing import file_facts, put
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional as F

from fststyle.catalogue import SHIPPED
from fststyle.export.style import Card, export_module
from fststyle.io import images
from fststyle.settings import plain
from fststyle.train import checkpoint
from fststyle.train.compute import Compute, computing
from fststyle.train.data.loader import batches, photo_source
from fststyle.train.data.surroundings import surround
from fststyle.train.export import judges
from fststyle.train.losses.clamp import shown
from fststyle.train.muon import Muon
from fststyle.train.networks import DEFAULTS, build
from fststyle.train.networks.vgg import load_vgg, repeat_edges
from fststyle.train.style.init_weights import BASE, START, base_of, start_from
from fststyle.train.style.loss import StyleLosses, minimized
from fststyle.train.style.settings import TrainSettings

IDENTITY_EVERY = 12
"""Every so many steps the first process trains the photo itself."""


class Model:
    """Shared parameters, and the own parameters of each painting and of the photo itself (the last)."""

    def __init__(self, net: nn.Module, count: int):
        named = dict(net.named_parameters())
        self.net = net
        self.own_names = [name for name in named if ".norm." in name or name.startswith(("up.", "head."))]
        self.shared = {name: value for name, value in named.items() if name not in self.own_names}
        self.own = [
            {name: nn.Parameter(named[name].detach().clone()) for name in self.own_names}
            for _ in range(count + 1)
        ]

    def __call__(self, which: int, photo: Tensor) -> Tensor:
        painted: Tensor = torch.func.functional_call(self.net, {**self.shared, **self.own[which]}, (photo,))
        return painted

    def optimizer(self, learning_rate: float) -> Muon:
        """Muon for all convolutions except those of `head`, as in a training of one painting."""
        optimizer = Muon(self.net, lr=learning_rate)
        kernels = [value for value in self.shared.values() if value.ndim == 4] + [
            own["up.weight"] for own in self.own
        ]
        chosen = {id(value) for value in kernels}
        everything = [*self.shared.values(), *(value for own in self.own for value in own.values())]
        optimizer.param_groups[0]["params"] = kernels
        optimizer.param_groups[1]["params"] = [value for value in everything if id(value) not in chosen]
        return optimizer

    def constrain(self, which: int) -> None:
        """As `Live.constrain`, for the head of one painting."""
        head = self.net.head
        kept = head.weight, head.bias
        head.weight, head.bias = self.own[which]["head.weight"], self.own[which]["head.bias"]
        self.net.constrain()  # type: ignore[operator]
        head.weight, head.bias = kept

    def weights(self, which: int | None) -> dict[str, Tensor]:
        """All weights for one painting; None for the mean of the paintings."""
        if which is None:
            own = {
                name: torch.stack([own[name].detach() for own in self.own[:-1]]).mean(0)
                for name in self.own_names
            }
        else:
            own = {name: value.detach().clone() for name, value in self.own[which].items()}
        return {**{name: value.detach().contiguous() for name, value in self.net.state_dict().items()}, **own}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--paintings", type=Path, help="folder of paintings")
    parser.add_argument(
        "--data", type=Path, help="folder of photos; else those of `fststyle data`, else synthetic scenes"
    )
    parser.add_argument("--out", type=Path, default=Path("joint"), help="folder for the checkpoints")
    parser.add_argument("--from", dest="from_", default="none", help="weights to start from")
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument(
        "--ship",
        type=Path,
        metavar="MEAN",
        help=f"write this checkpoint among the weights as {START} instead of training",
    )
    args = parser.parse_args()
    if args.ship:
        ship(args.ship, args.data)
    else:
        train(args)


def train(args: argparse.Namespace) -> None:
    """Train for `args.minutes`; checkpoints every 500 steps and at the end."""
    console, paintings = Console(), images.find(args.paintings)
    args.out.mkdir(parents=True, exist_ok=True)
    settings = TrainSettings(style=paintings[0], learning_rate=args.learning_rate)
    torch.manual_seed(0)
    with computing("auto", "auto", 2) as compute:
        net = build("live", DEFAULTS["live"])
        if args.from_ != "none":
            start_from(net, args.from_)
        vgg = repeat_edges(load_vgg())
        model = Model(compute.place(net), len(paintings))
        losses = [StyleLosses(vgg, TrainSettings(style=path), compute) for path in paintings]
        generator = torch.Generator().manual_seed(compute.rank)
        optimizer, begin, sums = model.optimizer(args.learning_rate), time.monotonic(), dict[str, float]()
        photos = batches(
            photo_source(args.data, settings.size),
            seed=compute.rank,
            batch=1,
            start=0,
            steps=10**8,
            workers=1,
        )
        for step, (choice, (pixels, _)) in enumerate(
            zip(order(len(paintings), compute.world), photos, strict=False)
        ):
            part = compute.from_first((time.monotonic() - begin) / (60 * args.minutes))
            if part >= 1:
                break
            for group in optimizer.param_groups:
                group["lr"] = args.learning_rate * min(1.0, (step + 1) / 20) * (1 - 0.95 * part)
            optimizer.zero_grad(set_to_none=True)
            mine = choice[compute.rank]
            photo = compute.place(pixels.float().div(127.5).sub(1))
            loss = learn(model, mine, photo, losses, compute, generator)
            exchange(model, choice, compute)
            optimizer.step()
            for which in set(choice):
                model.constrain(which)
            name = paintings[mine].stem if mine < len(paintings) else "identity"
            sums[name] = 0.9 * sums.get(name, loss) + 0.1 * loss
            if compute.leads and (step + 1) % 500 == 0:
                console.print(
                    f"step {step + 1}  "
                    + "  ".join(f"{name} {value:.2f}" for name, value in sorted(sums.items()))
                )
                save(model, paintings, args.out, step + 1)
        if compute.leads:
            save(model, paintings, args.out, step)


def order(count: int, world: int) -> Iterator[list[int]]:
    """For each step the paintings that the processes train; `count` is the photo itself. Every painting once
    before one comes again.
    """
    random, rest, step = np.random.default_rng(1), list[int](), 0
    while True:
        if len(rest) < world:
            rest += list(random.permutation(count))
        choice, rest = [int(value) for value in rest[:world]], rest[world:]
        if step % IDENTITY_EVERY == 0:
            choice[0] = count
        yield choice
        step += 1


def learn(
    model: Model,
    which: int,
    photo: Tensor,
    losses: list[StyleLosses],
    compute: Compute,
    generator: torch.Generator,
) -> float:
    """Gradients of one painting's loss, or of the difference from the photo itself; returns the loss before
    the logarithm.
    """
    with compute.autocast():
        wide, (rows, columns) = surround(photo, generator)
        painted = model(which, wide)[..., rows, columns].float()
        if which < len(losses):
            stride = int(model.net.stride)  # type: ignore[arg-type]
            loss = minimized(losses[which](shown(painted), photo, stride))
        else:
            loss = (F.l1_loss(painted, photo) + 5 * F.mse_loss(painted, photo)).log()
    loss.backward()
    return float(loss.detach().exp())


def exchange(model: Model, choice: list[int], compute: Compute) -> None:
    """Average the gradients of the shared parameters over the processes, and give every process those of each
    painting trained.
    """
    if compute.world == 1:
        return
    for value in model.shared.values():
        if value.grad is None:
            value.grad = torch.zeros_like(value)
        torch.distributed.all_reduce(value.grad)
        value.grad /= compute.world
    for rank, which in enumerate(choice):
        for value in model.own[which].values():
            if value.grad is None:
                value.grad = torch.zeros_like(value)
            torch.distributed.broadcast(value.grad, rank)


def save(model: Model, paintings: list[Path], folder: Path, step: int) -> None:
    """A checkpoint for each painting, for the photo itself and for the mean."""
    choices: list[tuple[str, int | None]] = [
        *((path.stem, number) for number, path in enumerate(paintings)),
        ("identity", len(paintings)),
        ("mean", None),
    ]
    for name, which in choices:
        content: dict[str, Any] = {
            "kind": "style",
            "name": name,
            "network": "live",
            "network_settings": DEFAULTS["live"],
            "step": step,
        }
        settings = plain(TrainSettings(style=Path(f"{name}.jpg")))
        checkpoint.save(
            folder / f"{name}.pt",
            {**content, "model": model.weights(which), "settings": settings, "style_sha256": "", "base": ""},
        )


def ship(source: Path, data: Path | None) -> None:
    """Write the mean among the weights, as the weights that trainings start from, and its entry in the
    catalogue.
    """
    net, target = build("live", DEFAULTS["live"]), SHIPPED / f"{START}.onnx"
    start_from(net, str(source))
    trained = {
        "paintings": sorted(
            path.stem for path in source.parent.glob("*.pt") if path.stem not in ("mean", "identity")
        ),
        "steps": steps_of(source),
    }
    card = Card(
        name=START,
        network="live",
        network_settings=DEFAULTS["live"],
        base=base_of(BASE),
        trained_with=trained,
    )
    parity = export_module(net.eval(), card, target, "int8-weights", judges(data))
    entry = {
        "name": START,
        "kind": "start",
        "title": "learned from many paintings: what trainings start from",
        "licence": "CC0 1.0 (weights)",
        "network": "live",
    }
    put({**entry, "precision": "int8-weights", **file_facts(target, parity), "trained_with": trained})
    print(f"{target}  parity {parity}")


def steps_of(source: Path) -> int:
    return int(checkpoint.load(source, checkpoint.PAINTERS)["step"])


if __name__ == "__main__":
    main()
