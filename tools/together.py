"""Train the networks of many paintings at once on one GPU, and write one checkpoint per painting.

    python tools/together.py --paintings PAINTINGS --data PHOTOS --out together/ --minutes 7 \\
        --tied-minutes 1.75 --tune great-wave:0.75:22 starry-night:0.55:30
    python tools/together.py --ship-base together/identity.pt --data PHOTOS
    python tools/together.py --ship together/mean.pt --data PHOTOS
    python tools/ship.py together/great-wave.pt --name great-wave ...
    fststyle train --style PAINTINGS/great-wave.jpg --from together/great-wave.pt

At the end of the tied phase, the tool also writes `identity.pt`, the base network, and `mean.pt`, the initial
weights for `fststyle train`: the mean of the parameters of all paintings. `--ship-base` and `--ship` add them
to the included weights.

All networks get the same photos and share one pass of the loss network. The parameters are stacked
(`stacked.py`), and the whole step is one CUDA graph. The tool also runs on the CPU, slowly and without a
graph.

In the first phase the networks are tied: they share the convolutions, and each painting has its own instance
norm parameters (Dumoulin et al. 2017, "A Learned Representation for Artistic Style", arXiv:1610.07629).
Departures: each painting also has its own last two convolutions (`up` and `head`), which determine the
colors; and one more network learns the identity, so that the base network shares convolutions with every
style and weights can be interpolated. In this phase, the features of edges, strokes and flat regions are
learned from all paintings. In the second phase, each network is trained separately.

Losses and optimizer are those of `fststyle train`, with two differences: for the temporal loss, a shifted
version of only the first photo of each step is stylized, and the learning rate decays to 1/50.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import crops
import numpy as np
import torch
from listing import file_facts, put
from rich.console import Console
from stacked import Stacked
from stacked_losses import StackedLosses, fast, identity_loss
from stacked_muon import StackedMuon
from torch import Tensor

from fststyle.catalogue import SHIPPED
from fststyle.errors import TrainingError
from fststyle.export.style import Card, export_module
from fststyle.io import images
from fststyle.settings import check, to_dict
from fststyle.train import checkpoint
from fststyle.train.compute import choose_device, has_fast_bfloat16
from fststyle.train.data.download import prepared_photos
from fststyle.train.data.surroundings import surplus
from fststyle.train.export import calibration_photos
from fststyle.train.losses.clamp import clamp_output
from fststyle.train.losses.temporal import CUT, REACH, temporal_loss
from fststyle.train.networks import DEFAULTS, build
from fststyle.train.networks.vgg import load_vgg
from fststyle.train.results import sha256
from fststyle.train.style.init_weights import BASE, PRETRAINED, base_sha256, check_size, load_initial_weights
from fststyle.train.style.loss import minimized
from fststyle.train.style.settings import TrainSettings
from fststyle.train.style.train import style_name

SNAPSHOTS = 0.5, 0.75, 0.9
"""Fractions of the training time after which checkpoints are written."""
REPORT_EVERY = 500
"""Number of steps between two lines of losses. A line is also printed every 30 seconds."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--paintings", type=Path, help="folder of paintings")
    parser.add_argument("--data", type=Path, help="folder of photos; default: those of `fststyle data`")
    parser.add_argument("--out", type=Path, default=Path("together"), help="folder for the checkpoints")
    parser.add_argument(
        "--tune",
        nargs="+",
        default=[],
        metavar="NAME:FINE:STYLE_WEIGHT",
        help="--fine and --style-weight for one painting; default: the defaults of `fststyle train`",
    )
    parser.add_argument(
        "--from", dest="from_", default=PRETRAINED, help="initial weights, as for `fststyle train`"
    )
    parser.add_argument("--minutes", type=float, default=7)
    parser.add_argument(
        "--tied-minutes",
        type=float,
        default=1.75,
        help="duration of the tied phase; with 0, identity.pt and mean.pt are not written",
    )
    parser.add_argument("--batch", type=int, default=4, help="photos per step")
    parser.add_argument("--size", type=int, default=256, help="side of the photo crops in pixels")
    parser.add_argument("--style-size", type=int, default=384, help="shorter side of the paintings in pixels")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), default="auto")
    parser.add_argument("--no-graph", action="store_true", help="run each step without a CUDA graph")
    parser.add_argument(
        "--ship",
        type=Path,
        metavar="MEAN",
        help=f"do not train; add this checkpoint to the included weights as {PRETRAINED}",
    )
    parser.add_argument(
        "--ship-base",
        type=Path,
        metavar="IDENTITY",
        help=f"do not train; add this checkpoint to the included weights as {BASE}, and record it as the base"
        " of the checkpoints in its folder",
    )
    args = parser.parse_args()
    if args.ship_base:
        ship_base(args.ship_base, args.data)
    elif args.ship:
        ship_start(args.ship, args.data)
    elif not args.paintings:
        parser.error("--paintings is required")
    else:
        train(args)


def settings_of(args: argparse.Namespace) -> dict[str, TrainSettings]:
    """Return a dict from the style name of each painting to its settings.

    Raises:
        SystemExit: two paintings have the same name, a painting is called identity or mean, or `--tune` is
            not valid.
        InputError: there are no paintings, or a setting is out of range.
    """
    common = TrainSettings(
        style=Path(),
        data=args.data,
        size=args.size,
        style_size=args.style_size,
        batch=args.batch,
        learning_rate=args.learning_rate,
        from_=args.from_,
        adversarial_weight=0,
    )
    found: dict[str, TrainSettings] = {}
    for path in images.find(args.paintings):
        one = replace(common, style=path)
        name = style_name(one)
        if name in found or name in ("identity", "mean"):
            raise SystemExit(f"{path}: another checkpoint has the name {name}")
        found[name] = one
    for text in args.tune:
        try:
            name, fine, style_weight = text.split(":")
            found[name] = replace(found[name], fine=float(fine), style_weight=float(style_weight))
        except (ValueError, KeyError):
            raise SystemExit(
                f"--tune {text}: not NAME:FINE:STYLE_WEIGHT with the name of a painting: {', '.join(found)}"
            ) from None
    check_size(args.size, "live")
    for one in found.values():
        check(one)
    return found


class Step:
    """One training step of all networks. All random values are in tensors, which `feed` updates.

    The networks are those of the paintings, in the order of `settings`, and then the one that learns the
    identity.
    """

    def __init__(
        self,
        networks: Stacked,
        optimizer: StackedMuon,
        losses: StackedLosses,
        settings: list[TrainSettings],
        photos: crops.Photos,
    ):
        self.networks, self.optimizer, self.losses, self.photos = networks, optimizer, losses, photos
        self.batch, self.size = settings[0].batch, settings[0].size
        self.stride = int(networks.net.stride)
        device = photos.pixels.device
        self.steady_weight = torch.tensor([[one.steady_weight] for one in settings], device=device)
        self.draws = torch.zeros(self.batch, 5, device=device)
        self.shift, self.place = (torch.zeros(2, dtype=torch.long, device=device) for _ in range(2))
        self.totals = torch.zeros(networks.count, device=device)
        """Losses of the networks, summed over the steps since the last report."""
        for value in networks.parameters():
            value.grad = torch.zeros_like(value)

    def feed(self, random: np.random.Generator) -> None:
        """Draw the crops of the photos, the shift, and the positions of the window and of the noise."""
        shift = np.zeros(2, np.int64)
        while not shift.any():
            shift = random.integers(-REACH, REACH + 1, 2)
        _put(self.draws, self.photos.draw(random, self.batch))
        _put(self.shift, torch.from_numpy(shift))
        _put(self.place, torch.from_numpy(random.integers(surplus(self.size) + 1, size=2)))
        for noise in self.networks.noises:
            _put(noise.place, torch.from_numpy(random.integers(noise.side, size=2)))

    def __call__(self, tied: bool) -> None:
        """Run the step, and add the losses to `totals`. `tied` is as for `StackedMuon.step`."""
        for value in self.networks.parameters():
            if value.grad is not None:
                value.grad.zero_()
        loss, totals = self.loss()
        loss.backward()
        self.optimizer.step(tied)
        self.totals.add_(totals)

    def loss(self) -> tuple[Tensor, Tensor]:
        """Return the scalar to minimize (a sum over all networks) and the loss of each network, (K,)."""
        with torch.no_grad():
            whole = self.size + surplus(self.size)
            photo, moved = crops.shifted_crops(self.photos.crop(self.draws, whole + CUT), self.shift)
            pixels = torch.cat([photo, moved])
        top, left = self.place.unbind()
        photo, raw = (
            crops.window(image, top, left, self.size, self.size) for image in (photo, self.networks(pixels))
        )
        raw = raw.view(self.networks.count, self.batch + 1, *photo.shape[1:])
        stylized = clamp_output(raw[:-1])
        losses = self.losses(stylized[:, : self.batch].flatten(0, 1), photo, self.stride)
        here, there = crops.overlap(stylized[:, 0], stylized[:, self.batch], self.shift)
        temporal = temporal_loss(here, there, (0, 0))[:, None]
        losses["temporal"] = self.steady_weight * temporal.expand(-1, self.batch)
        difference = identity_loss(raw[-1, : self.batch], photo)
        loss = minimized(losses) * (self.networks.count - 1) + minimized({"identity": difference})
        totals = torch.stack(list(losses.values())).sum(0).mean(1)
        return loss, torch.cat([totals, difference.mean()[None]]).detach()

    def runner(self, tied: bool, random: np.random.Generator, graph: bool) -> Callable[[], None]:
        """Return a function that runs the step, as a CUDA graph if `graph` is True.

        For a graph, two steps are run before it is captured, so the learning rate must be 0.
        """
        if not graph:
            return lambda: self(tied)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                self.feed(random)
                self(tied)
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.synchronize()
        captured = torch.cuda.CUDAGraph()
        with torch.cuda.graph(captured):
            self(tied)
        torch.cuda.synchronize()
        return captured.replay


def _put(target: Tensor, value: Tensor) -> None:
    """Copy `value` from the CPU into a tensor on the device, without waiting for the device."""
    target.copy_(value.pin_memory() if target.is_cuda else value, non_blocking=True)


def train(args: argparse.Namespace) -> None:
    """Train for `args.minutes`, not counting the time for loading. Write checkpoints at `SNAPSHOTS` and at
    the end.
    """
    console, settings = Console(), settings_of(args)
    device = choose_device("cpu" if args.device == "auto" and not torch.cuda.is_available() else args.device)
    dtype = torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    if (folder := args.data or prepared_photos()) is None:
        raise SystemExit("no photos: name a folder with --data, or run `fststyle data`")
    photos = crops.Photos(folder, args.size, device)
    console.print(f"{len(photos.sides)} photos, {len(photos.skipped)} skipped, on {device} in {dtype}")
    torch.manual_seed(0)
    start = build("live", DEFAULTS["live"])
    if args.from_ != "none":
        load_initial_weights(start, args.from_)
    networks = Stacked([start.state_dict()] * (len(settings) + 1), dtype).to(device)
    optimizer = StackedMuon(networks)
    losses = StackedLosses(fast(load_vgg(), dtype).to(device), list(settings.values()))
    step = Step(networks, optimizer, losses, list(settings.values()), photos)
    graph = device.type == "cuda" and not args.no_graph
    random, snapshots, done, names = np.random.default_rng(0), list(SNAPSHOTS), 0, [*settings, "identity"]
    begin = reported = time.monotonic()
    before = 0
    tied_part = min(1.0, args.tied_minutes / args.minutes)
    for tied, end in ((True, tied_part), (False, 1.0)) if tied_part > 0 else ((False, 1.0),):
        optimizer.learning_rate.zero_()
        run = step.runner(tied, random, graph)
        step.totals.zero_()
        before = done
        while (part := (time.monotonic() - begin) / (60 * args.minutes)) < end:
            if snapshots and part >= snapshots[0]:
                del snapshots[0]
                save(networks, settings, args.out, done)
            warm = min(1.0, (done + 1) / 20)
            optimizer.learning_rate.fill_(args.learning_rate * warm * max(0.02, 1 - 0.98 * part))
            step.feed(random)
            run()
            done += 1
            if device.type == "cuda" and done % 25 == 0:
                torch.cuda.synchronize()
            if done % REPORT_EVERY == 0 or time.monotonic() - reported > 30:
                report(console, step, names, done, before)
                before, reported = done, time.monotonic()
        if tied:
            save_relatives(networks, settings, args.out, done)
        del run  # the memory of its graph
    console.print(f"{done} steps, {done * args.batch * networks.count} images")
    save(networks, settings, args.out, done)


def report(console: Console, step: Step, names: list[str], done: int, before: int) -> None:
    """Print the mean losses since step `before`, and reset `step.totals`.

    Raises:
        TrainingError: a loss is not finite.
    """
    means = (step.totals / (done - before)).tolist()
    step.totals.zero_()
    console.print(f"step {done}  " + "  ".join(f"{n} {v:.3f}" for n, v in zip(names, means, strict=True)))
    if wrong := [name for name, value in zip(names, means, strict=True) if not np.isfinite(value)]:
        raise TrainingError(f"step {done}: the loss is not finite: {', '.join(wrong)}")


def save(networks: Stacked, settings: dict[str, TrainSettings], folder: Path, done: int) -> None:
    """Write a checkpoint for each painting."""
    for number, (name, one) in enumerate(settings.items()):
        _save(folder / f"{name}.pt", networks.state(number), one, done, sha256(one.style))


def save_relatives(networks: Stacked, settings: dict[str, TrainSettings], folder: Path, done: int) -> None:
    """Write identity.pt and mean.pt, while the networks are tied."""
    states = [networks.state(number) for number in range(networks.count)]
    mean = {name: torch.stack([state[name] for state in states[:-1]]).mean(0) for name in states[0]}
    for name, state in (("identity", states[-1]), ("mean", mean)):
        one = replace(next(iter(settings.values())), style=Path(f"{name}.jpg"))
        _save(folder / f"{name}.pt", state, one, done, "")


def _save(path: Path, state: dict[str, Tensor], settings: TrainSettings, done: int, digest: str) -> None:
    """Write the checkpoint of one network. Raises `TrainingError` if a weight is not finite."""
    for name, value in state.items():
        if not torch.isfinite(value).all():
            raise TrainingError(f"{path.stem}: {name} is not finite after {done} steps")
    content: dict[str, Any] = {
        "kind": "style",
        "name": path.stem,
        "network": "live",
        "network_settings": DEFAULTS["live"],
        "step": done,
        "model": state,
        "settings": to_dict(replace(settings, steps=max(1, done))),
        "style_sha256": digest,
        "base": "",
    }
    checkpoint.save(path, content)


def ship_base(source: Path, data: Path | None) -> None:
    """Add the base network to the included weights and to the catalogue.

    It is recorded as the base of all checkpoints in its folder, so that their styles have a continuous
    strength and can be mixed.
    """
    trained = _trained_with(source)
    card = Card(name=BASE, network="live", trained_with=trained, title="the photo itself")
    title = "the base network of all live styles, which reproduces the photo"
    _ship(source, card, "fp16-weights", data, {"kind": "base", "title": title})
    base = sha256(SHIPPED / f"{BASE}.onnx")
    for path in sorted(source.parent.glob("*.pt")):
        checkpoint.save(path, {**checkpoint.load(path, checkpoint.STYLE_KINDS), "base": base})


def ship_start(source: Path, data: Path | None) -> None:
    """Add the pretrained weights to the included weights and to the catalogue."""
    card = Card(
        name=PRETRAINED,
        network="live",
        network_settings=DEFAULTS["live"],
        base=base_sha256(BASE),
        trained_with=_trained_with(source),
    )
    title = "the initial weights for training, learned from many paintings"
    _ship(source, card, "int8-weights", data, {"kind": "start", "title": title})


def _trained_with(source: Path) -> dict[str, Any]:
    """Return the names of the paintings and the number of steps, for the metadata."""
    paintings = {path.stem for path in source.parent.glob("*.pt")} - {"identity", "mean"}
    steps = int(checkpoint.load(source, checkpoint.STYLE_KINDS)["step"])
    return {"paintings": sorted(paintings), "steps": steps}


def _ship(source: Path, card: Card, precision: str, data: Path | None, entry: dict[str, str]) -> None:
    """Export a checkpoint to the included weights, and add its entry to the catalogue."""
    net, target = build("live", DEFAULTS["live"]), SHIPPED / f"{card.name}.onnx"
    load_initial_weights(net, str(source))
    parity = export_module(net.eval(), card, target, precision, calibration_photos(data))
    put(
        {
            "name": card.name,
            **entry,
            "license": "CC0 1.0 (weights)",
            "network": "live",
            "precision": precision,
            **file_facts(target, parity),
            "trained_with": card.trained_with,
        }
    )
    print(f"{target}  parity {parity}")


if __name__ == "__main__":
    main()
