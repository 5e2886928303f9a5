"""OSC with real datagrams over the loopback interface."""

import contextlib
import math
import random
import socket
import struct
import time

import pytest

from fststyle.errors import DependencyError, InputError
from fststyle.runtime.webcam.controls.osc import OscInput, OscOutput, endpoint
from fststyle.runtime.webcam.controls.values import Controls, Status, Values

pytest.importorskip("pythonosc", reason="needs python-osc (the extra stage)")
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient

FOREVER = 2**63


@pytest.fixture
def notes():
    return []


@pytest.fixture
def controls(notes):
    return Controls(Values("invert"), ["invert", "great-wave", "udnie"], notes.append)


@pytest.fixture
def listening(controls):
    learned: list[list[str]] = []
    made = OscInput(controls, "127.0.0.1", 0, learned.append)
    made.learned = learned
    yield made
    made.close()


@pytest.fixture
def client(listening):
    made = SimpleUDPClient(*listening.address)
    yield made
    made._sock.close()


def until(true, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def after(client, controls) -> Values:
    """The values after everything that was sent has been received."""
    time.sleep(0.05)  # a window of its own
    number = random.random()

    def arrived():
        client.send_message("/fststyle/steadiness", number)  # the system drops datagrams of a full buffer
        return abs(controls.values.steadiness - number) < 1e-6

    until(arrived, 30)
    return controls.values


def test_messages_set_values(client, controls):
    for name, value in (("strength", 0.25), ("mix", 0.75), ("brush", 2), ("sound", 0.5)):
        client.send_message(f"/fststyle/{name}", value)
    client.send_message("/fststyle/style", "udnie")
    client.send_message("/fststyle/second", 2)
    values = after(client, controls)
    assert (values.strength, values.mix, values.brush, values.sound) == (0.25, 0.75, 2, 0.5)
    assert (values.style, values.second) == ("udnie", "great-wave")


def test_faders_and_buttons(client, controls):
    client.send_message("/fststyle/fader/strength", 0.5)
    client.send_message("/fststyle/next", [])
    assert after(client, controls).style == "great-wave"
    client.send_message("/fststyle/next", 0.0)  # released
    assert after(client, controls).style == "great-wave"
    client.send_message("/fststyle/previous", 1.0)
    client.send_message("/fststyle/style/3", 0)
    assert after(client, controls).style == "invert"
    client.send_message("/fststyle/style/3", 1)
    values = after(client, controls)
    assert (values.style, values.strength) == ("udnie", 1.0)


def bundle(*contents, time_tag=IMMEDIATELY):
    builder = OscBundleBuilder(time_tag)
    for content in contents:
        builder.add_content(content)
    return builder.build()


def message(address, *arguments):
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument)
    return builder.build()


def test_bundles_take_effect_at_once_whatever_their_time(client, controls):
    later = time.time() + 3600
    inner = bundle(message("/fststyle/mix", 0.5), time_tag=later)
    client.send(bundle(message("/fststyle/strength", 0.5), inner, time_tag=later))
    values = after(client, controls)
    assert (values.strength, values.mix) == (0.5, 0.5)


def test_bad_values_are_ignored_and_reported_once(client, controls, notes):
    for _ in range(3):
        for value in (math.nan, math.inf, -1.0, 99.0, "loud", True, [0.5, 0.5]):
            client.send_message("/fststyle/strength", value)
            time.sleep(0.01)
        client.send_message("/fststyle/style", "no such style")
        client.send_message("/fststyle/unknown", 1.0)
        client.send_message("/other/strength", 1.0)
        client.send_message("/fststyle/strength", b"blob")
        time.sleep(0.01)
    assert after(client, controls).strength == 1
    assert len(notes) == 4, notes
    assert {note.split(":")[1].strip() for note in notes} == {
        "/fststyle/strength",
        "/fststyle/style",
        "/fststyle/unknown",
        "/other/strength",
    }


DAMAGED = [
    b"",
    b"\x00",
    b"/",
    b"/fststyle/strength",
    b"/fststyle/strength\x00\x00,f\x00\x00",
    b"/fststyle/strength\x00\x00,f\x00\x00\x3f",
    b"/fststyle/strength\x00\x00,q\x00\x00\x00\x00\x00\x00",
    b"/fststyle/strength\x00\x00,[[[\x00\x00\x00\x00",
    b"/fststyle/style\x00,s\x00\x00\xff\xfe\xff\x00",
    b"/\xff\xff\x00,f\x00\x00" + struct.pack(">f", 1.0),
    b"#bundle\x00",
    b"#bundle\x00" + bytes(8) + struct.pack(">i", -4),  # python-osc would read it forever
    b"#bundle\x00" + bytes(8) + struct.pack(">i", 0) * 1000,
    b"#bundle\x00" + bytes(8) + struct.pack(">i", 2**31 - 1) + b"/a\x00\x00",
    (b"#bundle\x00" + bytes(8) + struct.pack(">i", 60000)) * 2000,
    bytes(range(256)) * 100,
]


def test_damaged_messages_are_ignored(listening, client, controls, notes, capfd):
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
        for datagram in DAMAGED:
            sender.sendto(datagram, listening.address)
        rng = random.Random(0)
        good = message("/fststyle/strength", 0.5).dgram
        for _ in range(3000):
            broken = bytearray(good)
            for _ in range(rng.randrange(1, 6)):
                broken[rng.randrange(len(broken))] = rng.randrange(256)
            sender.sendto(bytes(broken[: rng.randrange(len(broken) + 1)]), listening.address)
    assert 0 <= after(client, controls).strength <= 2
    assert len(notes) <= 21
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="needs the clock of a thread")
def test_flood_keeps_the_latest_values_and_leaves_the_processor(listening, client, controls, notes):
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
        end, count = time.monotonic() + 2, 0
        clock = time.pthread_getcpuclockid(listening._thread.ident)
        before = time.clock_gettime(clock)
        datagrams = [message("/fststyle/strength", value / 100).dgram for value in range(200)]
        while time.monotonic() < end:
            sender.sendto(datagrams[count % 200], listening.address)
            count += 1
        used = time.clock_gettime(clock) - before
    assert count > 1000
    after(client, controls)
    client.send_message("/fststyle/strength", 0.125)
    assert after(client, controls).strength == 0.125
    assert not notes
    assert used < 0.5  # of two seconds


def test_many_addresses_at_once_are_dropped(listening, client, controls, notes):
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
        for number in range(20000):
            sender.sendto(message(f"/fststyle/{number}", 1.0).dgram, listening.address)
    after(client, controls)
    assert len(notes) <= 21


def test_learning_and_refresh_are_passed_on(listening, client, controls, notes):
    client.send_message("/fststyle/midi/learn", ["strength", "mix"])
    client.send_message("/fststyle/refresh", [])
    after(client, controls)
    assert listening.learned == [["strength", "mix"]]
    assert listening.refresh.is_set()
    client.send_message("/fststyle/midi/learn", ["volume"])
    after(client, controls)
    assert listening.learned == [["strength", "mix"]]
    assert len(notes) == 1


def test_default_host_is_this_machine_only():
    assert endpoint("9000", "--osc", "127.0.0.1") == ("127.0.0.1", 9000)
    assert endpoint("0.0.0.0:9000", "--osc", "127.0.0.1") == ("0.0.0.0", 9000)
    assert endpoint("[::1]:9000", "--osc", "127.0.0.1") == ("::1", 9000)


@pytest.mark.parametrize("text", ["", "x", "0", "65536", "-1", "9000:", ":", "1.5", "²", "host:", "9" * 400])
def test_other_ports_are_refused(text):
    with pytest.raises(InputError, match="--osc"):
        endpoint(text, "--osc", "127.0.0.1")


def test_port_in_use_is_refused(listening, controls):
    with pytest.raises(InputError, match="cannot listen"):
        OscInput(controls, *listening.address)


def test_missing_library_says_what_to_install(controls, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pythonosc.osc_message", None)
    with pytest.raises(DependencyError, match="pip install python-osc"):
        OscInput(controls, "127.0.0.1", 0)


def received(sock, names, seconds=5.0):
    """The latest argument of each address, until all ``names`` were received."""
    found, end = {}, time.monotonic() + seconds
    while not names <= set(found) and time.monotonic() < end:
        with contextlib.suppress(TimeoutError):
            one = OscMessage(sock.recv(65535))
            found[one.address.removeprefix("/fststyle/")] = one.params[0]
    return found


@pytest.fixture
def target():
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(0.2)
        yield made


def test_changes_are_sent(controls, target):
    controls.status = Status("invert", 25.0, 0.04)
    output = OscOutput(controls, *target.getsockname(), meters=lambda: {"bass": 0.5})
    try:
        first = received(target, {"style", "strength", "mix", "brush", "fps", "latency", "shown"})
        assert (first["style"], first["strength"], first["fps"], first["shown"]) == (
            "invert",
            1,
            25,
            "invert",
        )
        assert first["audio/bass"] == 0.5
        assert not received(target, {"nothing"}, seconds=0.5)  # nothing changed
        controls.set("strength", 0.5)
        controls.notify("something happened")
        assert received(target, {"strength", "note"}) == {"strength": 0.5, "note": "something happened"}
        output._refresh.set()
        assert received(target, {"style", "mix"})["style"] == "invert"
    finally:
        output.close()


def test_nobody_who_listens_does_not_matter(controls, target, notes):
    host, port = target.getsockname()
    target.close()
    output = OscOutput(controls, host, port)
    for number in range(20):
        controls.set("strength", number / 20)
        time.sleep(0.02)
    assert output._thread.is_alive()
    output.close()
    assert len(notes) <= 1
