"""`fststyle video`: a video in, a painted video out."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from fststyle.cli.options import with_settings
from fststyle.errors import BatchError
from fststyle.runtime.video import Progress, VideoSettings, stylize_video


def register(app: typer.Typer) -> None:
    """Add the verb to the program."""

    @app.command(rich_help_panel="Paint")
    @with_settings(VideoSettings)
    def video(
        source: Annotated[Path, typer.Argument(metavar="IN", help="The video to paint.", show_default=False)],
        target: Annotated[Path, typer.Argument(metavar="OUT", help="The painted video: .mp4, .mov, .mkv or .webm.", show_default=False)],
        settings: VideoSettings,
        as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON, and nothing else.")] = False,
    ) -> None:
        """Paint a video: fststyle video in.mp4 out.mp4"""
        from rich.console import Console

        console = Console(stderr=True, highlight=False)
        with _bar(console) as bar:
            task = bar.add_task("", total=None)

            def on_progress(now: Progress) -> None:
                bar.update(task, completed=now.frames, total=now.of, description=f"{now.fps:.1f} fps")

            painted = stylize_video(source, target, settings, on_progress=on_progress)
        if as_json:
            typer.echo(json.dumps(dataclasses.asdict(painted), indent=2, ensure_ascii=False))
        else:
            fps = painted.frames / max(painted.seconds, 1e-9)
            text = f"{painted.output}  {painted.width}x{painted.height}  {painted.frames} frames in {painted.seconds:.1f} s ({fps:.1f} fps)"
            console.print(text, soft_wrap=True, markup=False)
        if painted.lost:
            console.print(f"left out, since {target.suffix} cannot hold it: {', '.join(painted.lost)}", soft_wrap=True, markup=False)
        if painted.broken:
            raise BatchError(f"{source}: is damaged ({painted.broken}); what could be read is in {target}")


def _bar(console: Any) -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (MofNCompleteColumn(), TimeRemainingColumn(), BarColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
