"""Reptile: look for weights that many paintings are near to, for the live styles to start from.

    python tools/reptile.py --paintings PAINTINGS --data PHOTOS --out reptile.onnx
    python bench/training.py --image new.jpg --data PHOTOS --photos UNSEEN --config from=reptile.onnx,steps=100 --config from=starry-night-live,steps=100
    python tools/reptile.py --paintings PAINTINGS --data PHOTOS --out reptile.onnx --ship     # the second time nothing is learned anew

Nichol et al. 2018 (arXiv:1803.02999, algorithm 1): again and again, learn one painting for a few steps, then move the start a part of the way to where
that led. The inner steps are those of `fststyle train` at its defaults but for the steadiness, which every style has by now. Departure: the start is not
random but `--from`, a network that paints already.
"""

import argparse
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from listing import file_facts, put
from rich.console import Console
from ship import coarser
from torch import Tensor, nn

from fststyle import images
from fststyle.catalogue import SHIPPED
from fststyle.export.style import Card, export_module
from fststyle.train.compute import Compute, computing
from fststyle.train.data import batches, photo_source, style_tensor
from fststyle.train.losses import even_loss, light_loss, palette, palette_loss, squares_loss
from fststyle.train.muon import Muon
from fststyle.train.networks import build
from fststyle.train.networks.vgg import VGG16, load_vgg, repeat_edges
from fststyle.train.objective import Objective
from fststyle.train.settings import TrainSettings
from fststyle.train.start import START, base_of, start_from


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", type=Path, required=True, help="folder of paintings; leave out those that the start is to be tried on")
    parser.add_argument("--data", type=Path, help="folder of photos; else those of `fststyle data`, else synthetic scenes")
    parser.add_argument("--out", type=Path, required=True, help="the style file to write, for --from")
    parser.add_argument("--from", dest="from_", default="starry-night-live", help="weights to start from")
    parser.add_argument("--rounds", type=int, default=120, help="paintings learned, one after another")
    parser.add_argument("--steps", type=int, default=16, help="steps for each")
    parser.add_argument("--step-size", type=float, default=0.5, help="part of the way that the start moves at first; it falls to nothing")
    parser.add_argument("--ship", action="store_true", help=f"let trainings start from it: write it among the weights as {START}")
    args = parser.parse_args()
    trained = {
        "paintings": [path.stem for path in images.find(args.paintings)],
        **{name: getattr(args, name) for name in ("rounds", "steps", "step_size")},
        "from_": Path(args.from_).name,
    }
    if not args.out.exists():
        learn(args, trained)
    if args.ship:
        ship(args.out, trained)


def learn(args: argparse.Namespace, trained: dict[str, Any]) -> None:
    """Reptile over the paintings; writes `args.out`."""
    settings = TrainSettings(style=args.out, learning_rate=1e-3)
    source = photo_source(args.data, settings.size)
    console = Console()
    torch.manual_seed(0)
    with computing("auto", "auto", settings.batch) as compute:
        net = compute.place(build("live", {}))
        start_from(net, args.from_)
        vgg = repeat_edges(load_vgg())
        lessons = [Lesson(vgg, path, settings, compute) for path in images.find(args.paintings)]
        photos = batches(source, seed=0, batch=settings.batch, start=0, steps=args.rounds * args.steps, workers=1)
        for turn in range(args.rounds):
            # Every painting once before one comes again.
            lot = torch.randperm(len(lessons), generator=torch.Generator().manual_seed(turn // len(lessons)))
            lesson = lessons[int(lot[turn % len(lessons)])]
            before = [p.detach().clone() for p in net.parameters()]
            losses = lesson.learn(net, islice(photos, args.steps))
            part = args.step_size * (1 - turn / args.rounds)
            with torch.no_grad():
                for p, start in zip(net.parameters(), before, strict=True):
                    p.copy_(start.lerp(p, part))
            console.print(f"round {turn + 1} of {args.rounds}  {lesson.name}: {losses[0]:.2f} to {losses[-1]:.2f}")
    card = Card(name=args.out.stem, network="live", base=base_of(args.from_), trained_with=trained)
    export_module(net.cpu().to(memory_format=torch.contiguous_format).eval(), card, args.out, "fp32")


def ship(made: Path, trained: dict[str, Any]) -> None:
    """Write the file among the weights, as small as the styles, and its entry in the catalogue."""
    net, target = build("live", {}), SHIPPED / f"{START}.onnx"
    start_from(net, str(made))
    net.load_state_dict(coarser({"model": net.state_dict()})["model"])
    parity = export_module(net.eval(), Card(name=START, network="live", base=base_of(str(made)), trained_with=trained), target, "fp16-weights")
    entry = {"name": START, "kind": "start", "title": "near to many paintings: what trainings start from", "licence": "CC0 1.0 (weights)", "network": "live"}
    put({**entry, "precision": "fp16-weights", **file_facts(target, parity), "trained_with": trained})
    print(f"{target}  parity {parity}")


class Lesson:
    """One painting, ready to be learned for a few steps."""

    def __init__(self, vgg: VGG16, painting: Path, settings: TrainSettings, compute: Compute):
        style = style_tensor(painting, settings.style_size)
        weights = {name: getattr(settings, name) for name in ("content_weight", "style_weight", "tv_weight")}
        self.name, self.settings, self.compute = painting.stem, settings, compute
        self.objective = compute.place(Objective(vgg, style, **weights))
        self.colors = compute.place(palette(style, (settings.size // 4) ** 2))

    def learn(self, net: nn.Module, photos: Iterable[tuple[Tensor, list[str]]]) -> list[float]:
        """A step of `net` for each batch of `photos`; gives the losses."""
        optimizer, losses = Muon(net, lr=self.settings.learning_rate), []
        for pixels, _ in photos:
            photo = self.compute.place(pixels.float().div(127.5).sub(1))
            with self.compute.autocast():
                painted = net(photo).float()
                total = self.objective(painted, photo).per_picture
                total = total + self.settings.grid_weight * squares_loss(painted, int(net.stride))  # type: ignore[arg-type]
                total = total + self.settings.palette_weight * palette_loss(painted, self.colors)
                total = total + self.settings.light_weight * light_loss(painted, photo) + self.settings.even_weight * even_loss(painted, photo)
            loss = total.log().mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            net.constrain()  # type: ignore[operator]
            losses.append(loss.item())
        return losses


if __name__ == "__main__":
    main()
