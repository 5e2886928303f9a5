"""Progress bars on stderr."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from fststyle.train.loop import Progress as TrainingProgress


Item = TypeVar("Item")


class Bar:
    """Context manager that shows the progress of training: step, remaining time, speed in ``unit`` per
    second, and losses.

    ``steps`` is the total number of steps. If the console is not a terminal, about 20 lines are printed
    instead of a bar.
    """

    def __init__(self, console: "Console", steps: int, unit: str = "images"):
        from rich.console import Group
        from rich.live import Live
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.text import Text

        self.console, self.unit = console, unit
        self.progress = Progress(
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]} left"),
            BarColumn(12),
            TextColumn("{task.description}"),
            console=console,
        )
        # The losses are below the bar, since they do not fit beside it.
        self.losses = Text()
        self.live = Live(Group(self.progress, self.losses), console=console, refresh_per_second=10)
        self.task = self.progress.add_task("", total=steps, left="")

    def __enter__(self) -> "Bar":
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.console.is_terminal:  # otherwise `stop` prints an empty line
            self.live.stop()

    def update(self, now: "TrainingProgress") -> None:
        """Show the progress after a training step. If the console is not a terminal, a line is printed only
        for about 20 of the steps.
        """
        losses = [f"{name.replace('_', ' ')} {_number(value)}" for name, value in now.losses.items()]
        minutes, seconds = divmod(int(now.seconds_left), 60)
        left = f"{minutes}:{seconds:02d}"
        if self.console.is_terminal:
            self.progress.update(
                self.task,
                completed=now.step,
                total=now.steps,
                description=f"{now.rate:.1f} {self.unit}/s",
                left=left,
            )
            self.losses.plain = "  ".join(losses)
        elif now.step % max(1, now.steps // 20) == 0 or now.step == now.steps:
            self.console.print(
                f"step {now.step} of {now.steps}  {left} left  {now.rate:.2f} {self.unit}/s "
                f" {'  '.join(losses)}",
                soft_wrap=True,
            )


def _number(value: float) -> str:
    return f"{value / 1000:,.0f}k" if abs(value) >= 1000 else f"{value:,.{2 if abs(value) < 100 else 0}f}"


def counting(console: "Console") -> "Progress":
    """Return a progress bar for counting images or frames.

    It disappears at the end. It is not shown if the console is not a terminal.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=False,
        redirect_stderr=False,
    )


def counted(things: Iterable[Item], total: int, unit: str) -> Iterator[Item]:
    """Yield the items of ``things`` while a progress bar on stderr counts them.

    ``total`` is the number of items. ``unit`` is the word for them that the bar shows, such as "frames".
    """
    from rich.console import Console

    with counting(Console(stderr=True)) as bar:
        yield from bar.track(things, total=total, description=unit)
