"""Styles by name: those that ship with fststyle and those in the user's own folders."""

import functools
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fststyle.errors import StyleError

SHIPPED = Path(__file__).parent / "weights"
SUFFIX = ".onnx"
_INT8 = "-int8.onnx"


@dataclass(frozen=True)
class Entry:
    """One style: its name, its file and where it comes from.

    ``size`` is in bytes; ``sha256`` is empty for files nobody vouches for.
    """

    name: str
    path: Path
    title: str = ""
    artist: str = ""
    year: str = ""
    licence: str = ""
    credit: str = ""
    network: str = ""
    precision: str = ""
    sha256: str = ""
    size: int = 0
    trained_with: dict[str, Any] = field(default_factory=dict)
    shipped: bool = False
    kind: str = "style"
    """What the file is: a style, base or start (what trainings begin with), or gan, vae, classifier, ...
    which `model` finds and `styles` leaves out.
    """
    int8: "Entry | None" = None
    """The same style in integer arithmetic, the fastest on CPUs, where there is such a file."""


def styles() -> list[Entry]:
    """Every style that can be named, the user's own first where names meet, sorted by name.

    Own styles are .onnx files in the folders of the variable FSTSTYLE_STYLES and in `user_folder`. Raises
    `StyleError` for a damaged catalogue.
    """
    found: dict[str, Entry] = {}
    for folder in own_folders():
        files = _files(folder)
        names = {path.name for path in files}
        for path in files:
            if path.name.endswith(_INT8) and path.name.removesuffix(_INT8) + SUFFIX in names:
                continue
            found.setdefault(path.stem, _own(path))
    for entry in _shipped(SHIPPED):
        found.setdefault(entry.name, entry)
    return sorted(found.values(), key=lambda entry: entry.name)


def find(name: str) -> Entry:
    """The style called ``name``; case and ``_`` for ``-`` do not matter.

    Raises `StyleError` that names the nearest.
    """
    known = styles()
    for same in (str, _plain):
        for entry in known:
            if same(entry.name) == same(name):
                return entry
    import difflib

    near = difflib.get_close_matches(_plain(name), [_plain(entry.name) for entry in known], n=3, cutoff=0.5)
    names = [entry.name for plain in near for entry in known if _plain(entry.name) == plain]
    if os.path.isfile(name):
        hint = f"a style is an .onnx file; a painting is learned first: fststyle train --style {name}"
    elif os.path.isfile(name + SUFFIX):
        hint = f"for the file here say {name}{SUFFIX}"
    else:
        hint = (
            f"did you mean {' or '.join(names)}?"
            if names
            else "`fststyle styles` lists them"
            if known
            else "no styles are installed"
        )
    raise StyleError(f"no style is called {name!r}; {hint}")


def locate(style: str | Path) -> Entry:
    """The entry of a name, or of a file: what is a `Path`, ends in .onnx or holds a slash is taken for a
    file. Raises `StyleError`.
    """
    if isinstance(style, str) and not (
        style.lower().endswith((SUFFIX, ".pt")) or "/" in style or os.sep in style
    ):
        return find(style)
    path = Path(os.path.expanduser(style))
    if path.suffix == ".pt":
        raise StyleError(f"{path}: is a checkpoint; `fststyle export {path}` makes an .onnx file of it")
    if not os.path.isfile(path):
        raise StyleError(f"{path}: {'is a folder, not a style' if os.path.isdir(path) else 'no such file'}")
    return _own(path)


def model(name: str | Path, kinds: Sequence[str]) -> Entry:
    """A model that is no style, of one of the ``kinds``: one that ships, by its name, or any .onnx file, by
    its path. Raises `StyleError`.
    """
    for entry in _listed(SHIPPED):
        if entry.kind in kinds and _plain(entry.name) == _plain(str(name)):
            return entry
    path = Path(os.path.expanduser(name))
    if path.suffix == ".pt":
        raise StyleError(f"{path}: is a checkpoint; `fststyle export {path}` makes an .onnx file of it")
    if not os.path.isfile(path):
        for entry in _listed(SHIPPED):
            if _plain(entry.name) == _plain(str(name)):
                raise StyleError(f"{name}: is a model of kind {entry.kind}, not {' or '.join(kinds)}")
        known = ", ".join(entry.name for entry in _listed(SHIPPED) if entry.kind in kinds)
        raise StyleError(
            f"{name}: no such file" + (f", and none of the models that ship ({known})" if known else "")
        )
    return _own(path)


def models() -> list[Entry]:
    """What ships beside the styles: generators, classifiers, and VAEs by their decoders."""
    return [
        entry
        for entry in _listed(SHIPPED)
        if entry.kind not in ("style", "base", "start", "vae-encoder", "subject")
    ]


def encoder_of(decoder: Path) -> Path:
    """Where the encoder of a VAE lies: NAME-encoder.onnx beside NAME.onnx, its decoder."""
    return decoder.with_name(f"{decoder.stem}-encoder{SUFFIX}")


def load(entry: Entry) -> bytes:
    """The bytes of the style's file, checked against its sha256 where there is one. Raises `StyleError`."""
    try:
        content = entry.path.read_bytes()
    except OSError as error:
        raise StyleError(f"{entry.path}: cannot be read: {error.strerror}") from error
    if entry.sha256 and hashlib.sha256(content).hexdigest() != entry.sha256:
        raise StyleError(
            f"{entry.path}: is damaged (its sha256 is not the one in the catalogue); install fststyle again"
        )
    return content


def described(entry: Entry) -> Entry:
    """The entry with what its file says of itself; of shipped styles the catalogue says it.

    A file that cannot be read has the network "damaged".
    """
    if entry.shipped:
        return entry
    try:
        told = metadata(entry.path.read_bytes())
    except Exception:  # protobuf raises what it likes, and without onnx nothing can be said
        return replace(entry, network="damaged")
    text: dict[str, Any] = {
        key: told.get(key, "") for key in ("title", "artist", "year", "licence", "network", "precision")
    }
    return replace(entry, **text)


def metadata(content: bytes) -> dict[str, str]:
    """What the bytes of a style file say of themselves. Raises whatever onnx raises for a damaged one."""
    import onnx

    return {item.key: item.value for item in onnx.load_model_from_string(content).metadata_props}


def base(known_as: str) -> Entry | None:
    """The base network with this name or sha256, from which styles were trained, or None.

    Bases are no styles, so `styles` does not list them.
    """
    return next(
        (
            entry
            for entry in _listed(SHIPPED)
            if entry.kind == "base" and known_as and known_as in (entry.name, entry.sha256)
        ),
        None,
    )


def start(name: str) -> Entry | None:
    """The network of this name that trainings start from, or None.

    It is neither a style nor a base of its own.
    """
    return next((entry for entry in _listed(SHIPPED) if entry.kind == "start" and entry.name == name), None)


def own_folders() -> list[Path]:
    """Where the user's own styles are searched, in this order."""
    listed = os.environ.get("FSTSTYLE_STYLES", "").split(os.pathsep)
    return [*(Path(os.path.expanduser(folder)) for folder in listed if folder), user_folder()]


def user_folder() -> Path:
    """The folder for own styles on this system; it need not exist."""
    import platformdirs

    return platformdirs.user_data_path("fststyle") / "styles"


def _shipped(folder: Path) -> list[Entry]:
    return [entry for entry in _listed(folder) if entry.kind == "style"]


@functools.lru_cache(maxsize=4)
def _listed(folder: Path) -> tuple[Entry, ...]:
    source = folder / "catalogue.json"
    try:
        listed = json.loads(source.read_text(encoding="utf-8"))
        return tuple(_entry(item, folder) for item in listed)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StyleError(f"{source}: the catalogue of styles is damaged: {error}") from error


def _entry(item: dict[str, Any], folder: Path) -> Entry:
    text: dict[str, Any] = {
        key: str(item.get(key) or "")
        for key in ("title", "artist", "year", "licence", "credit", "network", "precision", "sha256")
    }
    int8 = (
        _entry({**item, **item["int8"], "precision": "int8", "int8": None}, folder)
        if item.get("int8")
        else None
    )
    return Entry(
        item["name"],
        folder / item["file"],
        int8=int8,
        size=int(item.get("size", 0)),
        trained_with=item.get("trained_with") or {},
        shipped=True,
        kind=str(item.get("kind") or "style"),
        **text,
    )


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() == SUFFIX and not path.name.startswith(".") and path.is_file()
        )
    except OSError:  # not there, or not ours to read
        return []


def _own(path: Path) -> Entry:
    """An own style; NAME-int8.onnx beside NAME.onnx, as training leaves them, is the same style in
    integers.
    """
    try:
        faster = path.with_name(f"{path.stem}{_INT8}")
        int8 = (
            Entry(path.stem, faster, precision="int8", size=faster.stat().st_size)
            if faster.is_file()
            else None
        )
        return Entry(path.stem, path, size=path.stat().st_size, int8=int8)
    except OSError as error:
        raise StyleError(f"{path}: cannot be read: {error.strerror}") from error


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(" ", "-")
