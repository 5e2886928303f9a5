"""MIDI control: faders, buttons, pads and program changes set the controls that a map assigns to them."""

import contextlib
import json
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from fststyle.errors import DependencyError, InputError
from fststyle.io.files import replacing_path
from fststyle.runtime.webcam.controls.values import ACTIONS, NAMES, STYLES, Controls, ReportOnce

DEFAULTS = {
    "control * 1": "strength",
    "control * 7": "mix",
    "control * 71": "steadiness",
    "control * 74": "brush",
    "control * 11": "sound",
    "program *": "style",
    **{f"note * {36 + number}": f"style {number + 1}" for number in range(16)},
}
"""Default map: modulation wheel, volume, resonance, brightness, expression, program changes, and pads from
note 36 on.
"""

POLL = 0.005
"""Interval in seconds between reads of the open ports."""

SEARCH = 2.0
"""Interval in seconds between searches for new ports."""

MAX_MESSAGES = 2000
"""Maximum number of messages per port and read. Further messages are handled in the next read."""

ALSA_THROUGH = "Midi Through"
"""Prefix of the names of ALSA ports that repeat the messages of other programs. "auto" skips these ports."""


class MidiMessage(Protocol):
    """Interface of a mido message. A message has only those attributes that belong to its type."""

    type: str
    channel: int
    control: int
    value: int
    note: int
    velocity: int
    pitch: int
    program: int


class MidiPort(Protocol):
    """Interface of a mido input port."""

    def iter_pending(self) -> Iterable[MidiMessage]: ...
    def close(self) -> None: ...


class MidiMap:
    """Maps MIDI messages to controls.

    The keys of ``entries`` are, for example, ``control 1 7``, ``note 10 36``, ``pitch 1`` or ``program 1``.
    The first number is the channel, 1 to 16, or ``*`` for all channels. The second is the number of the
    controller or the note, 0 to 127. A value is the name of a control, ``next``, ``previous``, or ``style N``
    for style number N, from 1. Raises `InputError` for other entries.
    """

    def __init__(self, entries: dict[str, str]):
        for key, name in entries.items():
            _check_entry(key, name)
        self.entries = dict(entries)

    @classmethod
    def read(cls, path: Path) -> "MidiMap":
        """Read a map from a JSON file. Raises `InputError` if it cannot be read or is not a valid map."""
        try:
            if path.stat().st_size > 1 << 20:
                raise InputError(f"{path}: is larger than 1 MiB, so it is not a MIDI map")
            entries = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(
                f"{path}: cannot be read as a MIDI map: {getattr(error, 'strerror', None) or error}"
            ) from error
        if not isinstance(entries, dict) or not all(isinstance(name, str) for name in entries.values()):
            raise InputError(
                f"{path}: is not a MIDI map; a MIDI map is a JSON object whose values are strings"
            )
        try:
            return cls(entries)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    def write(self, path: Path) -> None:
        """Write the map to a JSON file, whose folder is created if needed. Raises `OSError` if this fails."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing_path(path) as place:
            place.write_text(json.dumps(self.entries, indent=2) + "\n", encoding="utf-8")

    def assign(self, key: str, name: str) -> None:
        """Assign ``key`` to the control ``name``, and remove the other keys of this control."""
        for other in [other for other, assigned in self.entries.items() if assigned == name]:
            del self.entries[other]
        self.entries[key] = name

    def name_for(self, key: str) -> str | None:
        """Return the control that ``key`` is assigned to, or None if it is not assigned.

        An entry for the channel of ``key`` takes precedence over an entry for all channels (``*``).
        """
        kind, _, rest = key.partition(" ")
        _, _, number = rest.partition(" ")
        return self.entries.get(key) or self.entries.get(f"{kind} * {number}".rstrip())


class MidiInput:
    """Receives MIDI messages in a thread and sets controls. Ports that are connected later are also opened.

    Args:
        controls: the controls to set.
        wanted: "auto" for all input ports except those whose names begin with `ALSA_THROUGH`; or part of the
            names of the ports to open, compared without regard to case.
        path: JSON file of the map. If it does not exist, `DEFAULTS` is used. MIDI learn writes it.
        learn: names of controls for which MIDI learn starts immediately; see the method `learn`.

    Raises:
        DependencyError: mido or its backend is not installed.
        InputError: the map is invalid, a name in ``learn`` is unknown, or the ports cannot be listed.
    """

    def __init__(self, controls: Controls, wanted: str, path: Path, learn: Sequence[str] = ()):
        self._mido = _import_mido()
        self._controls, self._wanted, self._path = controls, wanted, path
        self.map = MidiMap.read(path) if path.is_file() else MidiMap(DEFAULTS)
        self._once = ReportOnce(lambda text: controls.notify(f"MIDI: {text}"))
        self._learning: list[str] = []
        self._ports: dict[str, MidiPort] = {}
        self._assigned: set[str] = set()
        self._names()  # raises without MIDI
        self.learn(learn)
        self._stop = threading.Event()
        self._searched = -SEARCH
        self._thread = threading.Thread(target=self._run, name="fststyle-midi", daemon=True)
        self._thread.start()

    def learn(self, names: Sequence[str]) -> None:
        """Start MIDI learn: the faders or buttons that are used next are assigned to the controls ``names``.

        They are assigned in this order. After the last one, the map is written to its file. Raises
        `InputError` for an unknown name.
        """
        for name in names:
            if name not in NAMES:
                raise InputError(f"--learn: unknown control {name!r}; use one of {', '.join(NAMES)}")
        self._learning = list(names)
        self._prompt()

    @property
    def learning(self) -> str:
        """The control that MIDI learn assigns next, or "" if MIDI learn is not active."""
        return self._learning[0] if self._learning else ""

    @property
    def ports(self) -> list[str]:
        """Names of the open ports."""
        return sorted(self._ports)

    def close(self) -> None:
        """Stop the thread and close the ports. Waits for the thread for at most two seconds."""
        self._stop.set()
        self._thread.join(2)
        for port in self._ports.values():
            with contextlib.suppress(Exception):
                port.close()

    def _prompt(self) -> None:
        if self._learning:
            self._controls.notify(f"MIDI: move a fader or press a button for {self._learning[0]}")

    def _names(self) -> list[str]:
        """Return the names of the selected input ports. Raises `InputError` if they cannot be listed."""
        try:
            found = list(dict.fromkeys(self._mido.get_input_names()))
        except Exception as error:  # the exceptions of the backends have no common base class
            raise InputError(f"--midi: the MIDI ports of this system cannot be listed: {error}") from error
        if self._wanted == "auto":
            return [name for name in found if not name.startswith(ALSA_THROUGH)]
        return [name for name in found if self._wanted.lower() in name.lower()]

    def _run(self) -> None:
        while not self._stop.wait(POLL):
            try:
                if time.monotonic() - self._searched >= SEARCH:
                    self._searched = time.monotonic()
                    self._search()
                for name, port in list(self._ports.items()):
                    self._read(name, port)
            except InputError as error:
                self._once(str(error), str(error))
            except Exception as error:  # a failing driver must not stop the filter
                self._once(type(error).__name__, f"{type(error).__name__}: {error}")

    def _search(self) -> None:
        names = self._names()
        for name in [name for name in self._ports if name not in names]:
            with contextlib.suppress(Exception):
                self._ports[name].close()
            del self._ports[name]
            self._controls.notify(f"MIDI: {name} is disconnected")
        for name in names:
            if name not in self._ports:
                self._ports[name] = self._mido.open_input(name)
                self._controls.notify(f"MIDI: {name} is connected")
        if not names:
            which = "" if self._wanted == "auto" else f" whose name contains {self._wanted!r}"
            self._once("none", f"no input port{which} was found")

    def _read(self, name: str, port: MidiPort) -> None:
        latest: dict[str, MidiMessage] = {}
        for number, message in enumerate(port.iter_pending()):
            if (key := _key(message)) is not None:
                latest.pop(key, None)
                latest[key] = message
            if number >= MAX_MESSAGES:
                self._once("flood", f"{name} sends too many messages; values are delayed")
                break
        for key, message in latest.items():
            self.handle(key, message)

    def handle(self, key: str, message: MidiMessage) -> None:
        """Apply a mido message whose key in the map is ``key``, or assign the key during MIDI learn.

        Errors are reported to the user, each kind once.
        """
        if self._learning:
            if _is_learnable(message):
                self._assign(key)
            return
        name = self.map.name_for(key)
        if name is None:
            return
        try:
            self._apply(name, message)
        except InputError as error:
            self._once(f"{key} {name}", f"{key}: {error}")

    def _assign(self, key: str) -> None:
        if key in self._assigned:
            return  # the same fader is still moving
        self._assigned.add(key)
        name = self._learning.pop(0)
        self.map.assign(key, name)
        self._controls.notify(f"MIDI: {key} is assigned to {name}")
        if self._learning:
            return self._prompt()
        self._assigned.clear()
        try:
            self.map.write(self._path)
            self._controls.notify(f"MIDI: wrote {self._path}")
        except Exception as error:  # the map is used even if it cannot be saved
            self._once(
                "write", f"{self._path}: cannot be written: {getattr(error, 'strerror', None) or error}"
            )

    def _apply(self, name: str, message: MidiMessage) -> None:
        kind = message.type
        if kind == "note_off" or (kind == "note_on" and not message.velocity):
            return
        if name.startswith("style "):
            self._controls.set("style", int(name.removeprefix("style ")))
        elif name in ACTIONS:
            # A button sends 127 when it is pressed, and 0 when it is released.
            if kind != "control_change" or message.value >= 64:
                self._controls.run_action(name)
        elif kind == "program_change":
            if name in STYLES:
                self._controls.set(name, message.program + 1)
            else:
                self._controls.set_position(name, message.program / 127)
        else:
            self._controls.set_position(name, _fader_position(message))


def default_path() -> Path:
    """Return the default path of the MIDI map, in the configuration folder of the user. It may not exist."""
    import platformdirs

    return platformdirs.user_config_path("fststyle") / "midi.json"


def _key(message: MidiMessage) -> str | None:
    """Return the key of a mido message in a `MidiMap`, or None for unsupported types."""
    kind = message.type
    if kind == "control_change":
        return f"control {message.channel + 1} {message.control}"
    if kind in ("note_on", "note_off"):
        return f"note {message.channel + 1} {message.note}"
    if kind == "pitchwheel":
        return f"pitch {message.channel + 1}"
    if kind == "program_change":
        return f"program {message.channel + 1}"
    return None


def _is_learnable(message: MidiMessage) -> bool:
    """Return whether MIDI learn responds to a message. It ignores messages for the release of a note."""
    if message.type == "note_on":
        return bool(message.velocity)
    return bool(message.type != "note_off")


def _fader_position(message: MidiMessage) -> float:
    """Return the value of a mido message (controller, pitch bend or note velocity), scaled to 0..1."""
    if message.type == "control_change":
        return float(message.value / 127)
    if message.type == "pitchwheel":
        return float((message.pitch + 8192) / 16383)
    return float(message.velocity / 127)


def _check_entry(key: str, name: str) -> None:
    """Raise `InputError` unless ``key`` and ``name`` are a valid key and value of a `MidiMap`."""
    kind, *numbers = key.split(" ")
    needed = {"control": 2, "note": 2, "pitch": 1, "program": 1}.get(kind)
    if needed != len(numbers) or not all(_is_number(text, 0, 127) for text in numbers[1:]):
        raise InputError(
            f"{key!r} is not one of: control CHANNEL NUMBER, note CHANNEL NUMBER, pitch CHANNEL, program"
            " CHANNEL (NUMBER is 0 to 127)"
        )
    if numbers[0] != "*" and not _is_number(numbers[0], 1, 16):
        raise InputError(f"{key!r}: the channel must be 1 to 16, or * for all")
    if name not in NAMES and not (name.startswith("style ") and _is_number(name[6:], 1, 9999)):
        raise InputError(f"{key!r}: unknown control {name!r}; use one of {', '.join(NAMES)} or style N")


def _is_number(text: str, least: int, most: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6 and least <= int(text) <= most


def _import_mido() -> Any:
    """Import mido, load its backend, and return the module.

    The environment variable MIDO_BACKEND selects the backend; the default is python-rtmidi. Raises
    `DependencyError` if mido or the backend cannot be imported.
    """
    install = "pip install mido python-rtmidi"
    try:
        import mido
    except ImportError as error:
        raise DependencyError(f"MIDI needs mido: {install} [{error}]") from error
    try:
        mido.backend.load()
    except ImportError as error:
        raise DependencyError(
            f"the MIDI backend cannot be loaded; the default backend is python-rtmidi: {install} [{error}]"
        ) from error
    return mido
