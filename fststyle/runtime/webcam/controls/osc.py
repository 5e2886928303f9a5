"""OSC control over UDP: received messages set controls, and changes of controls are sent.

The protocol is Open Sound Control 1.0 (Wright 2002), with one difference: time tags of bundles are ignored,
and messages take effect when they arrive.
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from fststyle.errors import DependencyError, InputError
from fststyle.runtime.webcam.controls.values import NAMES, RANGES, STYLES, Controls, ReportOnce

ROOT = "/fststyle/"

WINDOW = 0.005
"""Time in seconds for which datagrams are collected. Only the last datagram for each address is applied."""

MAX_DATAGRAMS = 1000
"""Maximum number of datagrams per window."""

MAX_ADDRESSES = 64
"""Maximum number of addresses per window. Datagrams for further addresses are dropped."""

MAX_DATAGRAM_BYTES = 65535
"""Maximum size of a datagram in bytes."""

SEND_RATE = 20.0
"""Maximum number of messages per second that are sent to each address."""

_BUNDLE = b"#bundle\x00"
_TAGS = frozenset(b"ifdhsTFN")
"""Supported type tags: those of numbers, strings, True, False and nil."""


def endpoint(text: str, flag: str, host: str | None = None) -> tuple[str, int]:
    """Parse an address of the form ``HOST:PORT``, and return the host and the port.

    If ``host`` is given, ``text`` may also be only ``PORT``; the returned host is then ``host``. Raises
    `InputError`, with the option ``flag`` in the message, for text of another form and for a port outside
    1..65535.
    """
    name, colon, port = text.strip().rpartition(":")
    name = name.strip("[]") if colon else host or ""
    if not name or not (port.isascii() and port.isdigit()):
        raise InputError(f"{flag}: {text!r} is not {'PORT or ' if host else ''}HOST:PORT")
    if not 0 < int(port[:6]) < 65536:
        raise InputError(f"{flag}: the port {port[:20]} is not between 1 and 65535")
    return name, int(port)


class OscInput:
    """Receives OSC messages on a UDP port in a thread and sets controls.

    Args:
        controls: the controls to set.
        host: host name or address to listen on.
        port: UDP port; 0 selects a free port.
        learn: function that starts MIDI learn. A message to ``/fststyle/midi/learn`` calls it with a list of
            the names of controls in the message. None if MIDI is not used.

    Attributes:
        address: (host, port) of the socket.

    Raises:
        DependencyError: python-osc is not installed.
        InputError: the address cannot be used.
    """

    def __init__(
        self,
        controls: Controls,
        host: str,
        port: int,
        learn: Callable[[list[str]], None] | None = None,
    ):
        self._message, self._parse_error = _import_pythonosc()
        self._controls, self._learn = controls, learn
        self._once = ReportOnce(lambda text: controls.notify(f"OSC: {text}"))
        self.refresh = threading.Event()
        """Event that is set by a message to ``/fststyle/refresh``."""
        try:
            self._socket = _bind(host, port)
        except OSError as error:
            raise InputError(f"--osc: cannot listen on {host}:{port}: {error.strerror or error}") from error
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="fststyle-osc", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread and close the port. Waits for the thread for at most two seconds."""
        self._stop.set()
        self._thread.join(2)
        self._socket.close()

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                first = self._socket.recv(MAX_DATAGRAM_BYTES)
            except TimeoutError:
                continue
            except OSError as error:  # such as an ICMP message on Windows
                self._once(f"socket {error.errno}", f"the socket failed: {error.strerror or error}")
                self._stop.wait(0.1)
                continue
            for datagram in self._collect(first):
                for message in _messages(datagram):
                    self._handle(message)

    def _collect(self, datagram: bytes) -> list[bytes]:
        """Return ``datagram`` and the datagrams that arrive within `WINDOW` seconds, without superseded ones.

        A message is superseded by a later message with the same OSC address, and a bundle by a later
        identical bundle. At most `MAX_ADDRESSES` datagrams are returned; others are dropped.
        """
        time.sleep(WINDOW)  # the operating system drops datagrams that do not fit in the socket buffer
        latest: dict[bytes, bytes] = {}
        self._socket.setblocking(False)
        try:
            for _ in range(MAX_DATAGRAMS):
                address = datagram if datagram.startswith(_BUNDLE) else datagram.partition(b"\x00")[0]
                if address in latest or len(latest) < MAX_ADDRESSES:
                    latest.pop(address, None)  # keeps the order of the last messages
                    latest[address] = datagram
                else:
                    self._once(
                        "flood",
                        f"messages to more than {MAX_ADDRESSES} addresses at once; the rest are dropped",
                    )
                datagram = self._socket.recv(MAX_DATAGRAM_BYTES)
        except OSError:  # the buffer is empty
            pass
        finally:
            self._socket.settimeout(0.2)
        return list(latest.values())

    def _handle(self, content: bytes) -> None:
        """Apply one message in the binary format of OSC.

        Invalid messages are reported to the user, once for each address. Messages that python-osc cannot
        parse are reported only once in total.
        """
        try:
            if not _is_supported(content):
                raise InputError("the message is malformed, or has an argument of an unsupported type")
            message = self._message(content)
            self._apply(message.address, list(message.params))
        except InputError as error:
            name = content.partition(b"\x00")[0].decode("utf-8", "backslashreplace")[:80]
            self._once(name, f"{name}: {error}")
        except (self._parse_error, ValueError, IndexError, struct.error, UnicodeError):
            self._once("damaged", "a malformed message is ignored")

    def _apply(self, address: str, arguments: list[object]) -> None:
        """Apply a parsed OSC message. Raises `InputError` if the address or an argument is invalid."""
        if not address.startswith(ROOT):
            raise InputError(f"the address does not begin with {ROOT}")
        path = address.removeprefix(ROOT)
        if path == "midi/learn":
            if self._learn is None:
                raise InputError("MIDI learn needs the option --midi")
            for name in arguments:
                if name not in NAMES:
                    raise InputError(f"there is no control {name!r}; use one of {', '.join(NAMES)}")
            self._learn([str(name) for name in arguments])
        elif path == "refresh":
            self.refresh.set()
        elif path in ("next", "previous"):
            # A button sends 1 when it is pressed and 0 when it is released.
            if not arguments or arguments[0] not in (0, False):
                self._controls.run_action(path)
        elif path.startswith("style/") and path.removeprefix("style/").isdigit():
            if not arguments or arguments[0] not in (0, False):
                self._controls.set("style", int(path.removeprefix("style/")[:6]))
        elif len(arguments) != 1:
            raise InputError(f"the address takes one argument, not {len(arguments)}")
        elif path.startswith("fader/"):
            self._controls.set_position(path.removeprefix("fader/"), arguments[0])
        else:
            self._controls.set(path, arguments[0])


class OscOutput:
    """Sends the state of the webcam filter as OSC messages, from a thread.

    Values of controls, measures of the sound and messages for the user are sent when they change. The frame
    rate, the latency and the displayed style are sent at most once per second.

    Args:
        controls: the controls to send.
        host: host name or address of the receiver.
        port: UDP port of the receiver.
        refresh: event to set so that all values are sent again; the thread clears it.
        meters: function that returns the measures of the sound as a dict from name to value.

    Raises:
        DependencyError: python-osc is not installed.
        InputError: the host cannot be resolved.
    """

    def __init__(
        self,
        controls: Controls,
        host: str,
        port: int,
        refresh: threading.Event | None = None,
        meters: Callable[[], dict[str, float]] = dict,
    ):
        _import_pythonosc()
        from pythonosc.udp_client import SimpleUDPClient

        self._controls, self._refresh, self._meters = controls, refresh or threading.Event(), meters
        self._once = ReportOnce(lambda text: controls.notify(f"OSC: {text}"))
        try:
            self._client = SimpleUDPClient(host, port)
        except OSError as error:
            raise InputError(f"--osc-out: cannot send to {host}:{port}: {error.strerror or error}") from error
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, name="fststyle-osc-out", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread and close the socket. Waits for the thread for at most two seconds."""
        self._stop.set()
        self._thread.join(2)
        with contextlib.suppress(OSError, AttributeError):
            self._client._sock.close()

    def _send(self) -> None:
        sent: dict[str, str | float] = {}
        reported_at = 0.0
        while not self._stop.wait(1 / SEND_RATE):
            if self._refresh.is_set():
                self._refresh.clear()
                sent.clear()
            values = self._controls.current()
            current: dict[str, str | float] = {name: getattr(values, name) for name in (*STYLES, *RANGES)}
            current |= {f"audio/{name}": round(value, 3) for name, value in self._meters().items()}
            current["note"] = self._controls.note[:200]
            if (now := time.monotonic()) - reported_at >= 1:
                reported_at, status = now, self._controls.status
                current |= {"fps": status.fps, "latency": status.latency, "shown": status.style}
            for name, value in current.items():
                if sent.get(name) != value:
                    sent[name] = value
                    try:
                        self._client.send_message(ROOT + name, value)
                    except OSError as error:  # no receiver, or the network is down
                        self._once("send", f"messages cannot be sent: {error.strerror or error}")


def _bind(host: str, port: int) -> socket.socket:
    """Return a UDP socket that is bound to ``host`` and ``port``. Raises `OSError` if this fails.

    Its timeout is 0.2 seconds.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.bind(address)
    except OSError:
        made.close()
        raise
    made.settimeout(0.2)
    return made


def _messages(datagram: bytes, depth: int = 4) -> Iterator[bytes]:
    """Yield the messages in a datagram, which is a message or a bundle. A bundle ends at a malformed element.

    Bundles that are nested more than ``depth`` deep are ignored. Bundles are not parsed with python-osc,
    since its parser does not return for elements of negative size.
    """
    if not datagram.startswith(_BUNDLE):
        yield datagram
        return
    place = len(_BUNDLE) + 8
    while depth and place + 4 <= len(datagram):
        size = int.from_bytes(datagram[place : place + 4], "big")
        place += 4
        if not 0 < size <= len(datagram) - place:
            return
        yield from _messages(datagram[place : place + size], depth - 1)
        place += size


def _is_supported(message: bytes) -> bool:
    """Return whether a message has an address and only supported type tags.

    Other messages must not be passed to python-osc, which logs a warning for each unsupported type.
    """
    if not message.startswith(b"/"):
        return False
    end = message.find(b"\x00")
    tags = message[(end // 4 + 1) * 4 :].partition(b"\x00")[0] if end >= 0 else b""
    return not tags or (tags[:1] == b"," and set(tags[1:]) <= _TAGS)


def _import_pythonosc() -> tuple[Any, type[Exception]]:
    """Return the message class and the parse error of python-osc.

    Raises `DependencyError` if python-osc is not installed.
    """
    try:
        from pythonosc.osc_message import OscMessage, ParseError
    except ImportError as error:
        raise DependencyError(f"OSC needs python-osc: pip install python-osc [{error}]") from error
    return OscMessage, ParseError
