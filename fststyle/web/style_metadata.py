"""Metadata of style files: read it with a cache, write it, and derive versions and families of styles."""

import functools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from fststyle import catalogue
from fststyle.catalogue import Entry
from fststyle.errors import StyleError
from fststyle.settings import to_name
from fststyle.web.database import JsonObject


def version_of(entry: Entry) -> str:
    """Return a string that changes whenever the style file changes, for names and URLs of cached files.

    Raises `StyleError` if the modification time of the file is needed and cannot be read.
    """
    return f"{to_name(entry.name)}-{entry.sha256[:12] or format(_changed(entry), 'x')}"


def described(entry: Entry) -> Entry:
    """Return a catalogue entry, completed with the metadata in its style file.

    This is `fststyle.catalogue.described` with a cache, so an unchanged file is read only once. Raises
    `StyleError` if the modification time of the file cannot be read.
    """
    if entry.shipped:
        return entry
    metadata = _metadata(entry.path, _changed(entry))
    if metadata is None:
        return replace(entry, network="damaged")
    names = ("title", "artist", "year", "license", "network", "precision")
    text: dict[str, Any] = {name: metadata.get(name, "") for name in names}
    return replace(entry, **text)


def trained_with(entry: Entry) -> JsonObject:
    """Return the settings that a style was trained with, or {} if they are unknown.

    Raises `StyleError` if the modification time of the style file cannot be read.
    """
    if entry.shipped:
        return entry.trained_with
    try:
        settings = json.loads((_metadata(entry.path, _changed(entry)) or {}).get("trained_with", "{}"))
    except ValueError:
        return {}
    return settings if isinstance(settings, dict) else {}


def family_of(entry: Entry) -> str:
    """Return an identifier that is the same for styles that can be mixed.

    It is the SHA-256 of the base network from which the style was trained, or the name of the style if its
    file names no base network. Raises `StyleError` if the modification time of the file cannot be read.
    """
    return (_metadata(entry.path, _changed(entry)) or {}).get("base") or entry.name


def with_metadata(content: bytes, texts: dict[str, str]) -> bytes:
    """Return a copy of the style file ``content`` with ``texts`` added to its metadata.

    ``texts`` maps metadata keys to values, which replace existing values. Empty values are ignored.
    """
    import onnx

    model = onnx.load_model_from_string(content)
    metadata = {item.key: item.value for item in model.metadata_props}
    onnx.helper.set_model_props(model, {**metadata, **{key: text for key, text in texts.items() if text}})
    result: bytes = model.SerializeToString()
    return result


def _changed(entry: Entry) -> int:
    """Return the modification time of the style file in nanoseconds. Raises `StyleError` if this fails."""
    try:
        return entry.path.stat().st_mtime_ns
    except OSError as error:
        raise StyleError(f"{entry.name}: cannot be read: {error.strerror}") from error


@functools.lru_cache(maxsize=512)
def _metadata(path: Path, changed: int) -> dict[str, str] | None:
    """Return the metadata of a style file, or None if it cannot be read.

    ``changed`` is the modification time of the file in nanoseconds. It serves only as part of the cache key.
    """
    try:
        return catalogue.metadata(path.read_bytes())
    except Exception:  # protobuf raises many exception types
        return None
