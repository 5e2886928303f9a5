"""The catalogue of what ships, written by the tools that add to it."""

import hashlib
import json
from pathlib import Path
from typing import Any

from fststyle.catalogue import SHIPPED


def file_facts(path: Path, parity: dict[str, float]) -> dict[str, Any]:
    """What the catalogue says of a file among the weights."""
    content = path.read_bytes()
    return {
        "file": path.name,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "parity": {key: round(value, 3) for key, value in parity.items()},
    }


def put(entry: dict[str, Any]) -> None:
    """Add an entry, in place of one of the same name."""
    path = SHIPPED / "catalogue.json"
    others = [other for other in json.loads(path.read_text(encoding="utf-8")) if other["name"] != entry["name"]]
    path.write_text(json.dumps(sorted([*others, entry], key=lambda e: e["name"]), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
