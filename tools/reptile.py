"""Reptile: look for weights that many paintings are near to, for the live styles to start from.

    python tools/reptile.py --paintings PAINTINGS --data PHOTOS --out reptile.onnx python bench/training.py
    --image new.jpg --data PHOTOS --photos UNSEEN --config from=reptile.onnx,steps=100 --config
    from=starry-night-live,steps=100

Nichol et al. 2018 (arXiv:1803.02999, algorithm 1): again and again, learn one painting for a few steps, then
move the start a part of the way to where that led. The inner steps are those of `fststyle train` at its
defaults but for the steadiness, which every style has by now. Departure: the start is not random but
`--from`, a network that paints already.
"""

import argparse
import json
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch
from listing import file_facts, put
from rich.console import Console
from torch import Tensor, nn

from fststyle.catalogue import SHIPPED, metadata
from fststyle.export.style import Card, export_module
from fststyle.io import images
from fststyle.train.compute import Compute, computing
from fststyle.train.data.loader import batches, photo_source
from fststyle.train.export import judges
from fststyle.train.losses.clamp import shown
from fststyle.train.muon import Muon
from fststyle.train.networks import build
from fststyle.train.networks.vgg import load_vgg, repeat_edges
from fststyle.train.style.init_weights import START, base_of, start_from
from fststyle.train.style.loss import Lesson, descended
from fststyle.train.style.settings import TrainSettings


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--paintings",
        type=Path,
        required=True,
        help="folder of paintings; leave out those that the start is to be tried on",
    )
    parser.add_argument(
        "--data", type=Path, help="folder of photos; else those of `fststyle data`, else synthetic scenes"
    )
    parser.add_argument("--out", type=Path, required=True, help="the style file to write, for --from")
    parser.add_argument("--from", dest="from_", default="starry-night-live", help="weights to start from")
    parser.add_argument("--rounds", type=int, default=120, help="paintings learned, one after another")
    parser.add_argument("--steps", type=int, default=16, help="steps for each")
    parser.add_argument(
        "--step-size",
        type=float,
        default=0.5,
        help="part of the way that the start moves at first; it falls to nothing",
    )
    parser.add_argument(
        "--ship",
        action="store_true",
        help=f"then let trainings start from it: write it among the weights as {START}",
    )
    args = parser.parse_args()
    learn(args)
    if args.ship:
        ship(args.out, args.data)


def learn(args: argparse.Namespace) -> None:
    """Reptile over the paintings; writes `args.out`."""
    settings = TrainSettings(style=args.out, learning_rate=1e-3)
    source = photo_source(args.data, settings.size)
    console = Console()
    torch.manual_seed(0)
    with computing("auto", "auto", settings.batch) as compute:
        net = compute.place(build("live", {}))
        start_from(net, args.from_)
        vgg = repeat_edges(load_vgg())
        lessons = [
            Lesson(vgg, replace(settings, style=path), compute) for path in images.find(args.paintings)
        ]
        photos = batches(
            source, seed=0, batch=settings.batch, start=0, steps=args.rounds * args.steps, workers=1
        )
        for turn in range(args.rounds):
            # Every painting once before one comes again.
            lot = torch.randperm(len(lessons), generator=torch.Generator().manual_seed(turn // len(lessons)))
            lesson = lessons[int(lot[turn % len(lessons)])]
            before = [p.detach().clone() for p in net.parameters()]
            losses = descend(net, lesson, islice(photos, args.steps), compute)
            part = args.step_size * (1 - turn / args.rounds)
            with torch.no_grad():
                for p, start in zip(net.parameters(), before, strict=True):
                    p.copy_(start.lerp(p, part))
            console.print(
                f"round {turn + 1} of {args.rounds}  {lesson.settings.style.stem}: {losses[0]:.2f} to"
                f" {losses[-1]:.2f}"
            )
    trained = {
        "paintings": [lesson.settings.style.stem for lesson in lessons],
        **{name: getattr(args, name) for name in ("rounds", "steps", "step_size")},
        "from_": Path(args.from_).name,
    }
    card = Card(name=args.out.stem, network="live", base=base_of(args.from_), trained_with=trained)
    export_module(net.cpu().to(memory_format=torch.contiguous_format).eval(), card, args.out, "fp32")


def ship(made: Path, data: Path | None) -> None:
    """Write the file among the weights, as small as the styles, and its entry in the catalogue."""
    net, target = build("live", {}), SHIPPED / f"{START}.onnx"
    trained = json.loads(metadata(made.read_bytes())["trained_with"])
    start_from(net, str(made))
    card, photos = (
        Card(name=START, network="live", base=base_of(str(made)), trained_with=trained),
        judges(data),
    )
    parity = export_module(net.eval(), card, target, "int8-weights", photos)
    entry = {
        "name": START,
        "kind": "start",
        "title": "near to many paintings: what trainings start from",
        "licence": "CC0 1.0 (weights)",
        "network": "live",
    }
    put({**entry, "precision": "int8-weights", **file_facts(target, parity), "trained_with": trained})
    print(f"{target}  parity {parity}")


def descend(
    net: nn.Module, lesson: Lesson, photos: Iterable[tuple[Tensor, list[str]]], compute: Compute
) -> list[float]:
    """A step of `net` for each batch of `photos`; gives the losses."""
    optimizer, found = Muon(net, lr=lesson.settings.learning_rate), []
    for pixels, _ in photos:
        photo = compute.place(pixels.float().div(127.5).sub(1))
        with compute.autocast():
            losses = lesson(shown(net(photo).float()), photo, int(net.stride))  # type: ignore[arg-type]
        loss = descended(losses)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        net.constrain()  # type: ignore[operator]
        found.append(loss.item())
    return found


if __name__ == "__main__":
    main()
