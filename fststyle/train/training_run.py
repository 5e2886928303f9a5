"""A training run with its messages, log, checkpoints and previews."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from torch import Tensor

from fststyle.train import loop
from fststyle.train.checkpoint import Checkpoint
from fststyle.train.compute import Compute
from fststyle.train.loop import Batch
from fststyle.train.results import ResultFiles, RunSettings, Trained
from fststyle.train.tensorboard import open_log

Settings = TypeVar("Settings", bound=RunSettings)

OnMessage = Callable[[str], None]
"""Called with a status message."""
OnProgress = Callable[[loop.Progress], None]
"""Called with the progress after each step."""


@dataclass
class TrainingRun(Generic[Settings]):
    """A new or resumed training run, with validated settings.

    Args:
        settings: the settings of the run.
        name: the name of the trained style or model.
        files: the paths of the output files.
        compute: device and precision.
        earlier: the checkpoint to resume from, or None.
        on_message: called with status messages.
        on_progress: called after each step.
        losses: the losses of the last step, by name.
        rate: the last reported speed, in images per second.
        log: writes a `Progress` to the TensorBoard log, if there is one.
    """

    settings: Settings
    name: str
    files: ResultFiles
    compute: Compute
    earlier: Checkpoint | None
    on_message: OnMessage | None = None
    on_progress: OnProgress | None = None
    losses: dict[str, float] = field(default_factory=dict)
    rate: float = 0.0
    log: OnProgress = lambda progress: None

    @property
    def first_step(self) -> int:
        """Number of completed steps in the checkpoint `earlier`; 0 for a new run."""
        return int(self.earlier["step"]) if self.earlier else 0

    def message(self, text: str) -> None:
        """Report a status message, on rank 0 only."""
        if self.on_message and self.compute.leads:
            self.on_message(text)

    def run_steps(
        self,
        step: Callable[[int, Batch], dict[str, Tensor]],
        batches: Iterable[Batch],
        *,
        steps: int,
        save: Callable[[int], None],
        preview: Callable[[int], None],
        preview_every: int,
        on_losses: Callable[[dict[str, float]], None] | None = None,
        leaner: str = "a smaller --size, --batch or --width",
    ) -> None:
        """Run the training steps `first_step` to `steps` - 1, and write the TensorBoard log, the checkpoints
        and the previews.

        `on_losses` is called with the losses of each step, on rank 0. The other arguments are those of
        `fststyle.train.loop.run_loop`, but `preview` is also called at the end. The errors are those of
        `run_loop` and `fststyle.train.tensorboard.open_log`.
        """

        def report(progress: loop.Progress) -> None:
            self.losses.update(progress.losses)
            self.rate = progress.rate
            self.log(progress)
            if on_losses:
                on_losses(progress.losses)
            if self.on_progress:
                self.on_progress(progress)

        with open_log(self.settings.tensorboard if self.compute.leads else None) as self.log:
            loop.run_loop(
                step,
                batches,
                start=self.first_step,
                steps=steps,
                batch_size=self.settings.batch,
                compute=self.compute,
                save=save,
                save_every=self.settings.save_every,
                preview=preview,
                preview_every=preview_every,
                report=report,
                leaner=leaner,
            )
            if self.compute.leads:
                preview(steps)

    def trained(self, skipped: Iterable[str], source: str) -> Trained:
        """Return the result of the run.

        Args:
            skipped: the photo files that could not be used.
            source: a description of the training data, for messages.
        """
        return Trained(
            self.name,
            self.files.onnx,
            self.files.int8,
            self.files.checkpoint,
            self.files.preview,
            self.losses,
            tuple(skipped),
            source,
            self.compute.leads,
        )
