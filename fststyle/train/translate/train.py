"""`fststyle translate train`: train a style on a folder of paintings, with unpaired photos.

    from fststyle import train_translator
    train_translator("monet/", photos="photos/", name="monet")

writes monet.onnx (a style file for image, video and webcam), monet-int8.onnx (live networks only), monet.pt
and monet-preview.jpg.

The generator is trained against a patch discriminator (`fststyle.train.networks.patch`). The content is kept
by the contrastive loss of Park et al. 2020 (`fststyle.train.losses.contrastive`), the cycle loss of Zhu et
al. 2017 (CycleGAN, arXiv:1703.10593, equation 2), or both.

Departures: the generators are our networks, with a linear last layer instead of a tanh (the output is clipped
once), and start from a base that reproduces the photo. There is one discriminator step per generator step,
also with a gradient penalty. There is no history of generated pictures (Zhu et al., section 4), as in Park et
al.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fststyle.errors import InputError
from fststyle.export.style import Card
from fststyle.io.files import spare
from fststyle.settings import check, plain
from fststyle.train import checkpoint, loop
from fststyle.train.compute import Compute, computing
from fststyle.train.data.loader import Photos, Scenes, batches, held_out, photo_source
from fststyle.train.generative.divergence import Watch
from fststyle.train.losses.adversarial import GRADIENT_WEIGHT, critic_loss, generator_loss, gradient_penalty
from fststyle.train.losses.contrastive import choose_places, features, features_and_painting, patch_nce
from fststyle.train.losses.grid import squares_loss
from fststyle.train.results import (
    Files,
    Trained,
    checked_name,
    earlier_training,
    going_on,
    leave,
    worker_count,
)
from fststyle.train.style.init_weights import BASE, base_of, check_size, network_settings, starting_point
from fststyle.train.style.preview import write_sheet
from fststyle.train.style.settings import for_the_record
from fststyle.train.tensorboard import open_log
from fststyle.train.translate.model import Networks, content_of, prepare
from fststyle.train.translate.settings import TranslateSettings

_FREE = {"photos", "paintings"}
_APART = 2**31  # offset between the seeds of photos and paintings
_FEW = 50
LOWEST = {
    "critic": (
        0.02,
        (
            "the discriminator is nearly always right, so the generator learns little; a lower"
            " --learning-rate or more paintings may help"
        ),
    ),
    "spread": (
        0.15,
        "the output has nearly one color everywhere; a lower --adversarial-weight may help",
    ),
}
HIGHEST = {
    "contrastive": (
        5.0,
        "the output does not resemble the photos; a higher --contrastive-weight may help",
    ),
    "adversarial": (1e3, "the adversarial loss grows without end; a lower --learning-rate may help"),
}


def train_translator(
    paintings: str | Path,
    *,
    on_message: Callable[[str], None] | None = None,
    on_progress: Callable[[loop.Progress], None] | None = None,
    **settings: Any,
) -> Trained:
    """Train, export and preview one translator. The keyword arguments are the fields of `TranslateSettings`.

    `on_message` is called with status messages and with warnings about divergence. `on_progress` is called
    after each step.

    Raises:
        InputError, OutputError, CheckpointError, DeviceError: raised before training; no file is changed.
        TrainingError: a loss is not finite, or no picture is usable; the last checkpoint is kept.
        Interrupted: Ctrl-C or SIGTERM; the checkpoint is saved, and ``resume=True`` continues from it.
    """
    return train(
        TranslateSettings(paintings=Path(paintings), **settings),
        on_message=on_message,
        on_progress=on_progress,
    )


def train(
    settings: TranslateSettings,
    *,
    on_message: Callable[[str], None] | None = None,
    on_progress: Callable[[loop.Progress], None] | None = None,
) -> Trained:
    """As `train_translator`, with a settings object."""
    check(settings)
    if not settings.contrastive_weight and not settings.cycle_weight:
        raise InputError(
            "--contrastive-weight and --cycle-weight are both 0: the content of the photo would be lost"
        )
    settings = replace(settings, from_=starting_point(settings, BASE), name=checked_name(settings.name))
    check_size(settings.size, settings.network)
    files = Files.of(settings.output, settings.name)
    spare((settings.from_,), *files.all)
    photos, paintings = (
        photo_source(settings.photos, settings.size, without=files.all),
        Photos(settings.paintings, settings.size, without=files.all),
    )
    for source, flag in ((photos, "--photos"), (paintings, "--paintings")):
        if isinstance(source, Photos) and len(source.files) < 2:
            raise InputError(
                f"{flag}: the folder contains one picture, but at least two are needed; for one painting, use"
                " `fststyle train`"
            )
    earlier = earlier_training(settings, files, "translate", _FREE)
    with computing(settings.device, settings.precision, settings.batch) as compute:
        if compute.world > 1:
            raise InputError("translate train runs in one process")
        return _train(
            settings,
            compute,
            files,
            photos,
            paintings,
            earlier,
            on_message or (lambda text: None),
            on_progress,
        )


def _train(
    settings: TranslateSettings,
    compute: Compute,
    files: Files,
    photos: Photos | Scenes,
    paintings: Photos,
    earlier: dict[str, Any] | None,
    on_message: Callable[[str], None],
    on_progress: Callable[[loop.Progress], None] | None,
) -> Trained:
    nets, optimizers = prepare(settings, compute, earlier)
    first = earlier["step"] if earlier else 0
    base = str(earlier.get("base", "")) if earlier else base_of(settings.from_)
    shown = held_out(
        photo_source(settings.photos, max(256, settings.size), settings.size // 4, files.all),
        4,
        settings.seed,
    )
    painting = held_out(paintings, 1)[0]
    learned = f"{len(paintings.files)} paintings of {settings.paintings}"
    on_message(
        f"training {settings.name} on {learned} and {photos.source}, on {compute.device}, in"
        f" {_arithmetic(compute)}{going_on(first)}"
    )
    if len(paintings.files) < _FEW:
        on_message(f"{len(paintings.files)} paintings are few; a hundred or more are recommended")
    skipped: dict[str, None] = {}
    last: dict[str, float] = {}
    # The loss of a Wasserstein critic has no fixed range.
    watch = Watch(
        LOWEST if settings.adversary == "lsgan" else {"spread": LOWEST["spread"]}, HIGHEST, on_message
    )

    def step(
        number: int, batch: tuple[tuple[Tensor, list[str]], tuple[Tensor, list[str]]]
    ) -> dict[str, Tensor]:
        """Run one training step. The network draws the place of its noise field from the step alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed * 1_000_003 + number)
            return update(number, batch)

    def update(
        number: int, batch: tuple[tuple[Tensor, list[str]], tuple[Tensor, list[str]]]
    ) -> dict[str, Tensor]:
        """Update the discriminators, then the generators."""
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(settings, number)
        photo, painted_by_hand = (compute.place(pictures.float().div(127.5).sub(1)) for pictures, _ in batch)
        skipped.update(dict.fromkeys(batch[0][1] + batch[1][1]))
        chance = torch.Generator().manual_seed(settings.seed * 1_000_003 + number)
        with compute.autocast():
            found, painted = features_and_painting(nets.generator, photo, nets.layers)
            pairs = [(nets.critic, painted_by_hand, painted)]
            if settings.cycle_weight:
                pairs.append((nets.back_critic, photo, nets.back(painted_by_hand)))
            judging = _judging(settings, pairs, chance)
        _descend(optimizers[1], judging)

        for critic in nets.critics():
            critic.requires_grad_(False)
        with compute.autocast():
            adversarial = torch.stack(
                [generator_loss(settings.adversary, critic(fake)) for critic, _, fake in pairs]
            ).sum()
            loss = settings.adversarial_weight * adversarial
            losses = {
                "adversarial": adversarial,
                "critic": judging,
                "spread": painted.float().std() / painted_by_hand.std().clamp(min=1e-3),
            }
            if settings.grid_weight:
                grid = squares_loss(painted, int(nets.generator.stride)).mean()  # type: ignore[arg-type]
                loss, losses["grid"] = loss + settings.grid_weight * grid, grid
            if settings.contrastive_weight:
                contrastive = _contrastive(nets, found, painted, chance)
                loss, losses["contrastive"] = loss + settings.contrastive_weight * contrastive, contrastive
                if settings.identity_weight:
                    seen, repainted = features_and_painting(nets.generator, painted_by_hand, nets.layers)
                    losses["identity"] = _contrastive(nets, seen, repainted, chance)
                    loss = loss + settings.identity_weight * losses["identity"]
            if settings.cycle_weight:
                there_and_back = ((nets.back, painted, photo), (nets.generator, pairs[1][2], painted_by_hand))
                cycle = torch.stack(
                    [_cycle(net, pictures, origin) for net, pictures, origin in there_and_back]
                ).sum()
                loss, losses["cycle"] = loss + settings.cycle_weight * cycle, cycle
        _descend(optimizers[0], loss)
        for critic in nets.critics():
            critic.requires_grad_(True)
        for generator in nets.generators():
            if (constrain := getattr(generator, "constrain", None)) is not None:
                constrain()
        return {name: value.detach() for name, value in losses.items()}

    def report(progress: loop.Progress) -> None:
        last.update(progress.losses)
        log(progress)
        watch(progress.losses)
        if on_progress:
            on_progress(progress)

    def reading(source: Photos | Scenes, seed: int) -> Iterable[tuple[Tensor, list[str]]]:
        workers = worker_count(settings.workers, compute)
        return batches(
            source, seed=seed, batch=settings.batch, start=first, steps=settings.steps, workers=workers
        )

    with open_log(settings.tensorboard) as log:
        loop.run(
            step,
            zip(reading(photos, settings.seed), reading(paintings, settings.seed + _APART), strict=True),
            start=first,
            steps=settings.steps,
            batch_size=settings.batch,
            compute=compute,
            save=lambda done: checkpoint.save(
                files.checkpoint, content_of(settings, nets, optimizers, done, base)
            ),
            save_every=settings.save_every,
            preview=lambda _: write_sheet(files.preview, nets.generator, compute.device, painting, shown),
            preview_every=settings.preview_every,
            report=report,
        )
    write_sheet(files.preview, nets.generator, compute.device, painting, shown)
    leave(nets.generator, card(settings, base), files, lambda: held_out(photos, 24), on_message)
    source = f"{learned} and {photos.source}"
    return Trained(
        settings.name, files.onnx, files.int8, files.checkpoint, files.preview, last, tuple(skipped), source
    )


def learning_rate(settings: TranslateSettings, step: int) -> float:
    """Learning rate at a step: constant in the first half, then linear decay to 0 (Zhu et al., section 4)."""
    return settings.learning_rate * min(1.0, 2 * (1 - step / settings.steps))


def card(settings: TranslateSettings, base: str) -> Card:
    """The metadata of the ONNX file."""
    return Card(
        settings.name,
        settings.network,
        network_settings(settings),
        for_the_record(plain(settings)),
        base=base,
    )


def _judging(
    settings: TranslateSettings, pairs: Sequence[tuple[nn.Module, Tensor, Tensor]], chance: torch.Generator
) -> Tensor:
    """Loss of the discriminators on real and generated pictures."""
    total = torch.zeros((), device=pairs[0][1].device)
    for critic, real, fake in pairs:
        fake = fake.detach()
        total = total + critic_loss(settings.adversary, critic(real), critic(fake))
        if settings.adversary == "wgan-gp":
            mixture = torch.rand(len(real), 1, 1, 1, generator=chance).to(real.device)
            total = total + GRADIENT_WEIGHT * gradient_penalty(critic, real, fake, mixture)
    return total


def _contrastive(
    nets: Networks, found: dict[str, Tensor], painted: Tensor, chance: torch.Generator
) -> Tensor:
    """PatchNCE between the features of the input of the generator and its output, mean over layers."""
    places = choose_places(found, chance)
    # Queries before keys: some versions of PyTorch cache the autocast weights of the heads without gradients,
    # and reuse them where gradients are needed.
    queries = nets.heads(features(nets.generator, painted, nets.layers), places)
    with torch.no_grad():
        keys = nets.heads(found, places)
    return torch.stack([patch_nce(query, key) for query, key in zip(queries, keys, strict=True)]).mean()


def _cycle(net: nn.Module, pictures: Tensor, origin: Tensor) -> Tensor:
    """Cycle loss (Zhu et al., equation 2): mean absolute error between a picture and its round trip, in
    [-1, 1].
    """
    difference: Tensor = (net(pictures).float() - origin).abs().mean()
    return difference


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def _arithmetic(compute: Compute) -> str:
    return "bfloat16" if compute.bfloat16 else "float32"
