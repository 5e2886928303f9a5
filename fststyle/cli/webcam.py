"""`fststyle webcam`: stylize a webcam in real time."""

import contextlib
import time
from typing import TYPE_CHECKING

import typer

from fststyle.cli import streams
from fststyle.cli.options import with_settings
from fststyle.errors import BatchError, OutputError
from fststyle.runtime.settings import WebcamSettings
from fststyle.signals import deferred_interrupts

if TYPE_CHECKING:
    from fststyle.runtime.webcam.live import Live
    from fststyle.runtime.webcam.outputs.all_outputs import Outputs


def register(app: typer.Typer) -> None:
    """Add the ``webcam`` command to ``app``."""

    @app.command(rich_help_panel="Stylize")
    @with_settings(WebcamSettings)
    def webcam(settings: WebcamSettings) -> None:
        """Stylize a webcam in real time.

        Keys in the window: n and p change the style, + and - the strength, h shows all keys, q quits.
        """
        from fststyle.runtime.webcam.live import Live
        from fststyle.runtime.webcam.outputs.all_outputs import Outputs

        # Ctrl-C is a normal way to end a recording, so the file is completed before the program exits.
        with deferred_interrupts() as interrupted:
            outputs = Outputs(
                settings.record,
                settings.virtual,
                settings.fps,
                stream=settings.stream,
                ndi=settings.ndi,
                spout=settings.spout,
                syphon=settings.syphon,
                on_note=streams.note,
            )
            try:
                with contextlib.closing(Live(settings, streams.note, interrupted)) as live:
                    shown = _run(live, outputs, settings)
            finally:
                try:
                    if message := outputs.close():
                        streams.note(message)
                except OutputError as error:
                    if not interrupted():
                        raise
                    streams.note(streams.problem(error))
        if live.camera.ended and not live.camera.file:
            raise BatchError(f"{live.camera.ended} ({shown} frame{'s' * (shown != 1)} stylized)")


def _run(live: "Live", outputs: "Outputs", settings: WebcamSettings) -> int:
    """Stylize camera frames and send them to ``outputs``, with or without a window.

    The function returns the number of stylized frames when the camera delivers no more frames, the program is
    interrupted, the user quits, or the time limit in ``settings`` is reached.
    """
    from fststyle.runtime.webcam.controls.controllers import Controllers

    with contextlib.closing(Controllers(live.controls, settings)) as controllers:
        live.learn = controllers.midi.learn if controllers.midi else None
        return (_headless if settings.headless else _window)(live, outputs, settings)


def _window(live: "Live", outputs: "Outputs", settings: WebcamSettings) -> int:
    from fststyle.runtime.webcam.window import show

    return show(live, outputs, settings.seconds)


def _headless(live: "Live", outputs: "Outputs", settings: WebcamSettings) -> int:
    from rich.console import Console

    console = Console(stderr=True, highlight=False, markup=False)
    begin = printed = time.monotonic()
    shown = 0
    for view in live.frames():
        outputs.send(view)
        shown, now = shown + 1, time.monotonic()
        last = settings.seconds is not None and now - begin >= settings.seconds
        if last or now - printed >= 2:
            printed = now
            size = f"{view.painted[0]}x{view.painted[1]}"
            latency = f"{view.latency * 1000:.0f} ms latency"
            streams.print_lines(console, f"{view.style}  {view.fps:.1f} fps  {latency}  stylized at {size}")
        if last:
            break
    return shown
