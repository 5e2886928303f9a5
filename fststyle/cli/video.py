"""`fststyle video`: stylize videos."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from fststyle.cli import streams
from fststyle.cli.options import with_settings
from fststyle.cli.progress_bar import counting
from fststyle.errors import BatchError, FststyleError, OutputError
from fststyle.io.files import PIPE
from fststyle.runtime.settings import VideoSettings

if TYPE_CHECKING:
    from fststyle.runtime.video.report import PaintedVideo, Progress


def register(app: typer.Typer) -> None:
    """Add the ``video`` command to ``app``."""

    @app.command(rich_help_panel="Stylize")
    @with_settings(VideoSettings)
    def video(
        source: Annotated[
            str,
            typer.Argument(
                metavar="IN",
                help=(
                    "A video, an animated GIF or WebP, an image sequence (frames/%05d.png), a folder, or -"
                    " for raw frames."
                ),
                show_default=False,
            ),
        ],
        target: Annotated[
            str,
            typer.Argument(
                metavar="OUT",
                help=(
                    "A video (.mp4 .mov .mkv .webm), an animation (.gif .webp .apng), an image sequence, a"
                    " folder, or - for raw frames."
                ),
                show_default=False,
            ),
        ],
        settings: VideoSettings,
        as_json: Annotated[
            bool,
            typer.Option(
                "--json",
                help="At the end, print the result to stdout as a JSON object, or a list for a folder of"
                " videos.",
            ),
        ] = False,
    ) -> None:
        """Stylize a video: fststyle video in.mp4 out.mp4"""
        if target == PIPE and as_json:
            raise OutputError("--json and the video cannot both be written to stdout; give an output file")
        if target == PIPE:
            streams.stdout("video", "pipe it into a program or give a file")
        from fststyle.runtime.video.batch import videos_in

        with _Screen(as_json) as screen:
            if source != PIPE and Path(source).is_dir() and videos_in(Path(source)):
                screen.stylize_folder(source, target, settings)
            else:
                screen.stylize_one(source, target, settings)


class _Screen:
    """Context manager that runs the ``video`` command and shows its progress.

    The progress bar and the messages are printed on stderr. If ``as_json`` is True, the results are also
    printed on stdout as JSON.
    """

    def __init__(self, as_json: bool):
        from rich.console import Console

        self._as_json = as_json
        self._console = Console(stderr=True, highlight=False, markup=False)
        self._bar = counting(self._console)
        self._task = self._bar.add_task("", total=None)
        self._prefix = ""

    def __enter__(self) -> "_Screen":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def stylize_one(self, source: str, target: str, settings: VideoSettings) -> None:
        from fststyle.runtime.video.stylize import stylize_video

        # Unbuffered, since a buffer would retry a failed write to a closed pipe.
        stdout: BinaryIO | None = (
            getattr(sys.stdout.buffer, "raw", sys.stdout.buffer) if target == PIPE else None
        )
        stdin = getattr(sys.stdin, "buffer", None)  # None if stdin is closed
        if settings.skip_existing:
            self._print_line("--skip-existing has no effect: the input is not a folder of videos")
        painted = stylize_video(
            source,
            target,
            settings,
            on_progress=self._progress,
            on_note=self._print_line,
            stdin=stdin,
            stdout=stdout,
        )
        self._bar.stop()
        if self._as_json:
            streams.result(json.dumps(dataclasses.asdict(painted), indent=2, ensure_ascii=False))
        self._report(painted)
        if painted.broken:
            raise BatchError(
                f"{source}: is damaged ({painted.broken}); the readable part is in {painted.output}"
            )

    def stylize_folder(self, source: str, target: str, settings: VideoSettings) -> None:
        from fststyle.runtime.video.batch import BatchListener, stylize_videos

        done: list[PaintedVideo] = []

        def on_start(path: Path, number: int, of: int) -> None:
            self._prefix = f"{number} of {of}  "
            self._bar.reset(self._task, total=None)

        def on_done(painted: "PaintedVideo") -> None:
            done.append(painted)
            self._report(painted)

        def on_failed(path: str, error: FststyleError) -> None:
            self._print_line(streams.problem(error))

        failed: BatchError | None = None
        try:
            stylize_videos(
                source,
                target,
                settings,
                BatchListener(self._progress, self._print_line, on_start, on_done, on_failed),
            )
        except BatchError as error:
            failed = error
        self._bar.stop()
        if self._as_json:
            streams.result(
                json.dumps([dataclasses.asdict(painted) for painted in done], indent=2, ensure_ascii=False)
            )
        if failed is not None:
            raise failed

    def _progress(self, now: "Progress") -> None:
        self._bar.update(
            self._task, completed=now.frames, total=now.of, description=f"{self._prefix}{now.fps:.1f} fps"
        )

    def _report(self, painted: "PaintedVideo") -> None:
        if not self._as_json:
            fps = painted.frames / max(painted.seconds, 1e-9)
            frames = "1 frame" if painted.frames == 1 else f"{painted.frames} frames"
            self._print_line(
                f"{painted.output}  {painted.width}x{painted.height}  {frames} in {painted.seconds:.1f} s"
                f" ({fps:.1f} fps)"
            )
        if painted.lost:
            self._print_line(f"not in {painted.output}: {', '.join(painted.lost)}")

    def _print_line(self, text: str) -> None:
        streams.print_lines(self._bar.console, text)
