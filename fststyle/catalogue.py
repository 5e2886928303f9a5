"""Catalogue of the styles (included ones and the user's own) and of the other included models."""

import functools
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fststyle import external_data
from fststyle.errors import StyleError
from fststyle.settings import accepts_former_names

SHIPPED = Path(__file__).parent / "weights"
"""Folder of the included models and of catalogue.json, which lists them."""
SUFFIX = ".onnx"
_INT8 = "-int8.onnx"


@accepts_former_names
@dataclass(frozen=True)
class Entry:
    """Catalogue entry of a style or another model: name, file, origin and license.

    ``title``, ``artist`` and ``year`` describe the painting. ``credit`` states who trained the model and how.
    ``network`` is the name of the architecture, and ``precision`` is the number format of the file. ``size``
    is the size of the file in bytes. ``shipped`` is True if the file is included in fststyle.
    ``trained_with`` contains the settings of the training run. For a user's own file, only ``name``,
    ``path``, ``size`` and ``int8`` are set; `described` adds metadata from the file.
    """

    name: str
    path: Path
    title: str = ""
    artist: str = ""
    year: str = ""
    license: str = field(default="", metadata={"former": "licence"})
    credit: str = ""
    network: str = ""
    precision: str = ""
    sha256: str = ""
    size: int = 0
    trained_with: dict[str, Any] = field(default_factory=dict)
    shipped: bool = False
    smooth: int | None = None
    """Recommended value of ``--smooth`` of `fststyle image`, in pixels. None for a user's own file."""
    detail: float | None = None
    """Recommended value of ``--detail`` of `fststyle image`. None for a user's own file."""
    kind: str = "style"
    """Kind of the model: "style", "base" (a base network), "start" (initial weights for training), or another
    kind, such as "gan", "vae" or "classifier". `styles` lists only models of the kind "style".
    """
    int8: "Entry | None" = None
    """The int8 version of the style, which is faster on CPUs, or None."""


def styles() -> list[Entry]:
    """Return all available styles, sorted by name.

    The user's styles are the .onnx files in the folders of `own_folders`. If a folder contains both NAME.onnx
    and NAME-int8.onnx, the latter is not a separate style, but the `Entry.int8` of NAME. If several styles
    have the same name, the first one is used: the folders are searched in order, and included styles come
    last. Raises `StyleError` if the catalogue or the properties of a file cannot be read.
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


FORMER_NAMES = {"starry-night-live": "starry-night", "udnie-live": "udnie"}
"""Style name of version 0.1, which still works -> current name."""


def find(name: str) -> Entry:
    """Return the catalogue entry of the style called ``name``.

    An exact match takes precedence over one that ignores case and treats ``_`` and spaces as ``-``. If
    nothing matches and ``name`` is in `FORMER_NAMES`, the style with the current name is returned. Raises
    `StyleError` if there is no such style; the message suggests a remedy, such as similar names.
    """
    known = styles()
    for wanted in (name, FORMER_NAMES.get(_plain(name), name)):
        for same in (str, _plain):
            for entry in known:
                if same(entry.name) == same(wanted):
                    return entry
    import difflib

    near = difflib.get_close_matches(_plain(name), [_plain(entry.name) for entry in known], n=3, cutoff=0.5)
    names = [entry.name for plain in near for entry in known if _plain(entry.name) == plain]
    if os.path.isfile(name):
        hint = f"a style is an .onnx file; to train one from a painting: fststyle train --style {name}"
    elif os.path.isfile(name + SUFFIX):
        hint = f"for the file in this folder, use {name}{SUFFIX}"
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
    """Return the entry of a style, given by name or file.

    A `Path`, or a string that ends in .onnx or .pt or contains a path separator, is taken as a file. Raises
    `StyleError` if the style does not exist, or if the file has the suffix .pt of a checkpoint.
    """
    if isinstance(style, str) and not (
        style.lower().endswith((SUFFIX, ".pt")) or "/" in style or os.sep in style
    ):
        return find(style)
    path = _checked_path(style)
    if not os.path.isfile(path):
        raise StyleError(f"{path}: {'is a folder, not a style' if os.path.isdir(path) else 'no such file'}")
    return _own(path)


def model(name: str | Path, kinds: Sequence[str]) -> Entry:
    """Return the entry of a model, given by the name of an included model or by file.

    ``kinds`` are the allowed kinds of an included model, as in `Entry.kind`. The kind of a file is not
    checked. Raises `StyleError` if the model does not exist, is an included model of another kind, or has the
    suffix .pt of a checkpoint.
    """
    for entry in _listed(SHIPPED):
        if entry.kind in kinds and _plain(entry.name) == _plain(str(name)):
            return entry
    path = _checked_path(name)
    if not os.path.isfile(path):
        for entry in _listed(SHIPPED):
            if _plain(entry.name) == _plain(str(name)):
                raise StyleError(
                    f"{name}: is an included model of kind {entry.kind}, not {' or '.join(kinds)}"
                )
        known = ", ".join(entry.name for entry in _listed(SHIPPED) if entry.kind in kinds)
        raise StyleError(
            f"{name}: no such file" + (f", and not an included model ({known})" if known else "")
        )
    return _own(path)


def models() -> list[Entry]:
    """Return the catalogue entries of the included image generators, VAE decoders and classifiers."""
    return [
        entry
        for entry in _listed(SHIPPED)
        if entry.kind not in ("style", "base", "start", "vae-encoder", "subject")
    ]


def encoder_of(decoder: Path) -> Path:
    """Return the path of the encoder that belongs to a VAE decoder.

    If ``decoder`` is the path NAME.onnx, this is NAME-encoder.onnx in the same folder. It may not exist.
    """
    return decoder.with_name(f"{decoder.stem}-encoder{SUFFIX}")


def load(entry: Entry) -> bytes:
    """Return the content of an entry's file. Tensors that are stored in another file (see
    `fststyle.external_data`) are inserted.

    Raises:
        StyleError: a file cannot be read or does not match its checksum, or the reference to another file is
            not valid.
        DependencyError: the file refers to another file, and onnx is not installed.
    """
    try:
        content = entry.path.read_bytes()
    except OSError as error:
        raise StyleError(f"{entry.path}: cannot be read: {error.strerror}") from error
    if entry.sha256 and hashlib.sha256(content).hexdigest() != entry.sha256:
        raise StyleError(
            f"{entry.path}: is damaged (its SHA-256 does not match the catalogue); reinstall fststyle"
        )
    return external_data.resolve(content, entry.path) if external_data.is_shared(content) else content


def described(entry: Entry) -> Entry:
    """Return the entry, completed with title, artist, year, license, network and precision from its file.

    An included entry is returned unchanged, since the catalogue contains its metadata. If the metadata cannot
    be read, because the file is damaged or onnx is not installed, ``network`` is "damaged".
    """
    if entry.shipped:
        return entry
    try:
        found = metadata(entry.path.read_bytes())
    except Exception:  # protobuf raises many exception types, and onnx may be missing
        return replace(entry, network="damaged")
    text: dict[str, Any] = {
        key: found.get(key, "") for key in ("title", "artist", "year", "license", "network", "precision")
    }
    return replace(entry, **text)


def metadata(content: bytes) -> dict[str, str]:
    """Return the metadata of a style file, given its bytes.

    Exceptions that onnx raises for damaged files, and `ImportError` without onnx, propagate.
    """
    import onnx

    found = {item.key: item.value for item in onnx.load_model_from_string(content).metadata_props}
    if "licence" in found:  # written by version 0.2 and earlier
        found.setdefault("license", found.pop("licence"))
    return found


def base_network(known_as: str) -> Entry | None:
    """Return the entry of the included base network whose name or SHA-256 is ``known_as``, or None.

    A base network reproduces the photo. Training of a live network (`fststyle.train.networks.live`) can start
    from its weights. For such a style, a strength other than 1 interpolates or extrapolates between the
    weights of the base network and those of the style.
    """
    return next(
        (
            entry
            for entry in _listed(SHIPPED)
            if entry.kind == "base" and known_as and known_as in (entry.name, entry.sha256)
        ),
        None,
    )


def initial_weights(name: str) -> Entry | None:
    """Return the included entry called ``name`` of kind "start" (initial weights for training), or None."""
    return next((entry for entry in _listed(SHIPPED) if entry.kind == "start" and entry.name == name), None)


def own_folders() -> list[Path]:
    """Return the folders of the user's styles, in search order: those in the environment variable
    FSTSTYLE_STYLES (separated as in PATH), then `user_folder`. They may not exist.
    """
    listed = os.environ.get("FSTSTYLE_STYLES", "").split(os.pathsep)
    return [*(Path(os.path.expanduser(folder)) for folder in listed if folder), user_folder()]


def user_folder() -> Path:
    """Return the default folder for the user's styles. It may not exist."""
    import platformdirs

    return platformdirs.user_data_path("fststyle") / "styles"


def _checked_path(name: str | Path) -> Path:
    """Return ``name`` as a path, with ``~`` expanded. Raises `StyleError` for a checkpoint (.pt)."""
    path = Path(os.path.expanduser(name))
    if path.suffix.lower() == ".pt":
        raise StyleError(f"{path}: is a checkpoint; `fststyle export {path}` converts it to .onnx")
    return path


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
    except OSError as error:
        raise StyleError(f"{source}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StyleError(f"{source}: the catalogue of styles is damaged: {error}") from error


def _entry(item: dict[str, Any], folder: Path) -> Entry:
    text: dict[str, Any] = {
        key: str(item.get(key) or "")
        for key in ("title", "artist", "year", "license", "credit", "network", "precision", "sha256")
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
        smooth=item.get("smooth"),
        detail=item.get("detail"),
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
    except OSError:  # missing or not readable
        return []


def _own(path: Path) -> Entry:
    """Return the entry of the user's model at ``path``.

    If ``path`` is NAME.onnx and the same folder contains NAME-int8.onnx, that file is its int8 version.
    Raises `StyleError` if the properties of a file cannot be read.
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
