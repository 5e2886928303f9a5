"""MIDI with messages of mido through ports in memory, and through virtual ports where the system has them."""

import json
import shutil
import subprocess
import sys
import time

import pytest

from fststyle.errors import DependencyError, InputError
from fststyle.runtime.webcam.controls import midi as midi_module
from fststyle.runtime.webcam.controls.midi import DEFAULTS, MidiInput, MidiMap
from fststyle.runtime.webcam.controls.values import Controls, Values

mido = pytest.importorskip("mido", reason="needs mido (the extra stage)")
Message = mido.Message


@pytest.fixture
def notes():
    return []


@pytest.fixture
def controls(notes):
    return Controls(Values("invert"), ["invert", "great-wave", "udnie"], notes.append)


@pytest.fixture
def in_memory(monkeypatch):
    from tests.runtime.webcam.controls import memory_midi

    memory_midi.outputs.clear()
    monkeypatch.setattr(midi_module, "SEARCH", 0.05)
    before = mido.backend
    mido.set_backend("tests.runtime.webcam.controls.memory_midi")
    yield
    mido.set_backend(before)


def until(true, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


@pytest.fixture
def controller(in_memory):
    return mido.open_output("controller")


@pytest.fixture
def listening(controller, controls, tmp_path):
    made = MidiInput(controls, "auto", tmp_path / "midi.json")
    until(lambda: made.ports == ["controller"])
    yield made
    made.close()


def control(number, value, channel=0):
    return Message("control_change", channel=channel, control=number, value=value)


def test_faders_set_values(listening, controller, controls):
    controller.send(control(1, 127))
    until(lambda: controls.values.strength == 2)
    controller.send(control(1, 0, channel=9))
    until(lambda: controls.values.strength == 0)
    controller.send(control(7, 64))
    until(lambda: abs(controls.values.mix - 64 / 127) < 1e-9)
    controller.send(control(74, 127))
    until(lambda: controls.values.brush == 8)


def test_pads_and_programs_choose_styles(listening, controller, controls, notes):
    controller.send(Message("note_on", note=38, velocity=90))
    until(lambda: controls.values.style == "udnie")
    controller.send(Message("note_off", note=36))
    controller.send(Message("note_on", note=36, velocity=0))
    controller.send(Message("program_change", program=1))
    until(lambda: controls.values.style == "great-wave")
    for _ in range(3):
        controller.send(Message("program_change", program=100))  # there is no such style
        controller.send(Message("note_on", note=51, velocity=1))
        time.sleep(0.02)
    until(lambda: len(notes) == 3)
    assert controls.values.style == "great-wave"


def test_other_messages_are_ignored(listening, controller, controls, notes):
    before, count = controls.values, len(notes)
    for message in (
        control(99, 5),
        Message("pitchwheel", pitch=100),
        Message("clock"),
        Message("sysex", data=(1, 2, 3)),
        Message("aftertouch", value=3),
        Message("songpos", pos=7),
    ):
        controller.send(message)
    time.sleep(0.1)
    assert (controls.values, len(notes)) == (before, count)


def test_flood_keeps_the_latest_value(listening, controller, controls):
    for number in range(20000):
        controller.send(control(1, number % 128))
    controller.send(control(7, 127))
    until(lambda: controls.values.mix == 1)
    time.sleep(0.05)
    controller.send(control(1, 32))
    until(lambda: controls.values.strength == pytest.approx(64 / 127))


def test_learning_assigns_controls_in_order_and_writes_them(listening, controller, controls, notes, tmp_path):
    listening.learn(["strength", "next", "second"])
    for value in range(60, 70):  # one fader that moves is one control
        controller.send(control(20, value))
        time.sleep(0.002)
    until(lambda: listening.learning == "next")
    assert controls.values.strength == 1  # learning sets nothing
    controller.send(Message("note_off", note=70))
    controller.send(Message("note_on", note=71, velocity=10))
    until(lambda: listening.learning == "second")
    controller.send(Message("pitchwheel", pitch=0, channel=3))
    until(lambda: (tmp_path / "midi.json").is_file())
    until(lambda: notes[-1] == f"MIDI: wrote {tmp_path / 'midi.json'}")
    saved = json.loads((tmp_path / "midi.json").read_text())
    learned = {"control 1 20": "strength", "note 1 71": "next", "pitch 4": "second"}
    assert learned.items() <= saved.items()
    assert "control * 1" not in saved  # one control per name
    controller.send(control(20, 0))
    until(lambda: controls.values.strength == 0)
    controller.send(Message("note_on", note=71, velocity=10))
    until(lambda: controls.values.style == "great-wave")
    controller.send(Message("pitchwheel", pitch=8191, channel=3))
    until(lambda: controls.values.second == "udnie")


def test_learned_map_is_used_the_next_time(controller, controls, tmp_path):
    MidiMap({"control 2 20": "mix"}).write(tmp_path / "midi.json")
    listening = MidiInput(controls, "control", tmp_path / "midi.json")
    try:
        until(lambda: listening.ports)
        controller.send(control(20, 127))  # another channel
        controller.send(control(20, 127, channel=1))
        until(lambda: controls.values.mix == 1)
    finally:
        listening.close()


def test_button_sends_two_values_and_acts_once(controller, controls, tmp_path):
    MidiMap({"control 1 20": "next"}).write(tmp_path / "midi.json")
    listening = MidiInput(controls, "auto", tmp_path / "midi.json")
    try:
        until(lambda: listening.ports)
        controller.send(control(20, 127))
        until(lambda: controls.values.style == "great-wave")
        controller.send(control(20, 0))
        time.sleep(0.05)
        assert controls.values.style == "great-wave"
    finally:
        listening.close()


def test_controller_that_is_unplugged_and_plugged_in_again_works(listening, controller, controls, notes):
    controller.close()
    until(lambda: "MIDI: controller is disconnected" in notes)
    again = mido.open_output("controller")
    until(lambda: listening.ports == ["controller"])
    again.send(control(1, 127))
    until(lambda: controls.values.strength == 2)


def test_no_port_is_reported_once(in_memory, controls, notes, tmp_path):
    listening = MidiInput(controls, "nanokontrol", tmp_path / "midi.json")
    time.sleep(0.3)
    listening.close()
    assert notes == ["MIDI: no input port whose name contains 'nanokontrol' was found"]


def test_driver_that_fails_is_reported_once(listening, controller, controls, notes, monkeypatch):
    def fail(**settings):
        raise RuntimeError("the driver failed")

    monkeypatch.setattr(mido, "get_input_names", fail)
    time.sleep(0.4)
    assert [note for note in notes if "driver failed" in note] == [
        "MIDI: --midi: the MIDI ports of this system cannot be listed: the driver failed"
    ]
    controller.send(control(1, 127))
    until(lambda: controls.values.strength == 2)


@pytest.mark.parametrize(
    "entries",
    [
        {"control 1": "mix"},
        {"control 17 1": "mix"},
        {"control 0 1": "mix"},
        {"control 1 128": "mix"},
        {"control 1 -1": "mix"},
        {"control 1 0000001000": "mix"},
        {"control 00 1": "mix"},
        {"fader 1 1": "mix"},
        {"": "mix"},
        {"control 1 1": "volume"},
        {"control 1 1": "style x"},
        {"control 1 1": "style 0"},
        {"control 1 1": "style 0000010000"},
        {"control 1 1": "/etc/passwd"},
    ],
)
def test_other_maps_are_refused(tmp_path, entries):
    with pytest.raises(InputError):
        MidiMap(entries)
    (tmp_path / "map.json").write_text(json.dumps(entries))
    with pytest.raises(InputError, match=r"map\.json"):
        MidiMap.read(tmp_path / "map.json")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"control 1 1": 3}', "[" * 100000, "\x00"])
def test_damaged_maps_are_refused(tmp_path, content):
    (tmp_path / "map.json").write_text(content)
    with pytest.raises(InputError, match=r"map\.json"):
        MidiMap.read(tmp_path / "map.json")


def test_default_map_is_valid():
    assert MidiMap(DEFAULTS).name_for("control 5 1") == "strength"
    assert MidiMap(DEFAULTS).name_for("program 9") == "style"
    assert MidiMap(DEFAULTS).name_for("note 1 36") == "style 1"
    assert MidiMap(DEFAULTS).name_for("note 1 35") is None


def test_unknown_names_cannot_be_learned(controller, controls, tmp_path):
    with pytest.raises(InputError, match="volume"):
        MidiInput(controls, "auto", tmp_path / "midi.json", ["volume"])


def test_missing_library_says_what_to_install(controls, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(DependencyError, match="pip install mido python-rtmidi"):
        MidiInput(controls, "auto", tmp_path / "midi.json")


@pytest.fixture
def virtual_port():
    """A virtual output port of python-rtmidi: ALSA or CoreMIDI, else JACK with its dummy driver."""
    rtmidi = pytest.importorskip("rtmidi", reason="needs python-rtmidi (the extra stage)")
    before, server = mido.backend, None
    try:
        mido.set_backend("mido.backends.rtmidi")
        try:
            port = mido.open_output("fststyle-test", virtual=True)
        except Exception:
            if rtmidi.API_UNIX_JACK not in rtmidi.get_compiled_api() or not shutil.which("jackd"):
                pytest.skip("this system has no virtual MIDI ports: neither ALSA's sequencer nor jackd")
            server = subprocess.Popen(
                ["jackd", "--no-realtime", "-d", "dummy"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(2)
            mido.set_backend("mido.backends.rtmidi/UNIX_JACK")
            port = mido.open_output("fststyle-test", virtual=True)
        yield port
        port.close()
    finally:
        mido.set_backend(before)
        if server is not None:
            server.terminate()
            server.wait(10)


def test_messages_of_a_virtual_port_set_values(virtual_port, controls, tmp_path):
    listening = MidiInput(controls, "fststyle-test", tmp_path / "midi.json")
    try:
        until(lambda: listening.ports)
        time.sleep(0.2)
        virtual_port.send(control(1, 127))
        virtual_port.send(Message("note_on", note=38, velocity=100))
        until(lambda: controls.values.strength == 2 and controls.values.style == "udnie")
        listening.learn(["mix"])
        virtual_port.send(control(33, 5))
        until(lambda: not listening.learning)
        virtual_port.send(control(33, 127))
        until(lambda: controls.values.mix == 1)
    finally:
        listening.close()
