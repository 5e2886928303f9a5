"""Open the OSC, MIDI and sound controllers that the settings select."""

import contextlib
from collections.abc import Callable

from fststyle.errors import InputError
from fststyle.runtime.settings import WebcamSettings
from fststyle.runtime.webcam.controls import follow, midi, osc
from fststyle.runtime.webcam.controls.values import Controls


class Controllers:
    """Opens the MIDI, OSC and sound inputs that ``settings`` selects, which set ``controls``.

    An OSC output, which sends the values of ``controls``, is also opened if it is selected. Call `close` at
    the end. The attributes ``osc`` (OSC input), ``midi`` and ``follower`` (sound) are None if they are not
    selected. Raises `InputError` if a setting is invalid or a controller cannot be opened, and
    `DependencyError` if a package is missing.
    """

    def __init__(self, controls: Controls, settings: WebcamSettings):
        self.osc: osc.OscInput | None = None
        self.midi: midi.MidiInput | None = None
        self.follower: follow.Follower | None = None
        if settings.learn is not None and settings.midi is None:
            raise InputError("--learn needs --midi")
        learn: Callable[[list[str]], None] | None = None
        with contextlib.ExitStack() as opened:
            if settings.audio is not None:
                rules = follow.parse(settings.follow)
                self.follower = follow.Follower(controls, settings.audio, rules)
                opened.callback(self.follower.close)
            if settings.midi is not None:
                names = [name.strip() for name in settings.learn.split(",")] if settings.learn else []
                path = settings.midi_map or midi.default_path()
                if settings.midi_map is not None and not names and not path.is_file():
                    problem = "is not a file" if path.exists() else "no such file; --learn creates it"
                    raise InputError(f"{path}: {problem}")
                self.midi = midi.MidiInput(controls, settings.midi, path, names)
                opened.callback(self.midi.close)
                learn = self.midi.learn
            if settings.osc is not None:
                self.osc = osc.OscInput(controls, *osc.endpoint(settings.osc, "--osc", "127.0.0.1"), learn)
                opened.callback(self.osc.close)
                controls.notify("OSC: listening on {}:{}".format(*self.osc.address))
            if settings.osc_out is not None:
                output = osc.OscOutput(
                    controls,
                    *osc.endpoint(settings.osc_out, "--osc-out"),
                    refresh=self.osc.refresh if self.osc else None,
                    meters=self.follower.meters if self.follower else dict,
                )
                opened.callback(output.close)
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Close all controllers."""
        self._opened.close()
