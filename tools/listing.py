"""Write the table of included styles in docs/styles.md from the catalogue.

    python tools/listing.py

tools/ship.py, tools/ship_model.py and tools/together.py use its functions to add files to the catalogue.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from fststyle.catalogue import SHIPPED

PAGE = Path(__file__).parent.parent / "docs" / "styles.md"
BEGIN, END = "<!-- styles:begin -->\n", "<!-- styles:end -->"


def file_facts(path: Path, parity: dict[str, float]) -> dict[str, Any]:
    """Return the fields of a catalogue entry that describe a file: name, size in bytes, SHA-256, and
    `parity`, the result of the comparison with the network.
    """
    content = path.read_bytes()
    return {
        "file": path.name,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "parity": {key: round(value, 3) for key, value in parity.items()},
    }


def put(entry: dict[str, Any]) -> None:
    """Add an entry to the catalogue, or replace the entry with the same name, and update docs/styles.md."""
    path = SHIPPED / "catalogue.json"
    others = [
        other for other in json.loads(path.read_text(encoding="utf-8")) if other["name"] != entry["name"]
    ]
    path.write_text(
        json.dumps(sorted([*others, entry], key=lambda e: e["name"]), indent=1, ensure_ascii=False) + "\n",
        encoding="utf-8",
    )
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the content of docs/styles.md with an updated table of the included styles."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    listed = json.loads((SHIPPED / "catalogue.json").read_text(encoding="utf-8"))
    rows = "".join(f"{_row(entry)}\n" for entry in listed if entry.get("kind", "style") == "style")
    head = "| name | painting | network | size | int8 | smooth | detail |\n" + "| --- " * 7 + "|\n"
    table = head + rows
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _row(entry: dict[str, Any]) -> str:
    """Return the row of the table for an entry."""
    painting = f"{entry['artist']}, *{entry['title']}*, {entry['year']}"
    int8 = "yes" if entry.get("int8") else "no"
    values = f"{entry.get('smooth', 0)} | {entry.get('detail', 0):g}"
    size = f"{entry['size'] / 1e6:.2f} MB"
    return f"| `{entry['name']}` | {painting} | {entry['network']} | {size} | {int8} | {values} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
