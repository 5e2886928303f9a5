"""Update the catalogue of shipped files, and the table of styles in docs/styles.md.

python tools/listing.py    # update the table from the catalogue
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from fststyle.catalogue import SHIPPED

PAGE = Path(__file__).parent.parent / "docs" / "styles.md"
BEGIN, END = "<!-- styles:begin -->\n", "<!-- styles:end -->"


def file_facts(path: Path, parity: dict[str, float]) -> dict[str, Any]:
    """The catalogue entries of a file: name, size, hash and parity."""
    content = path.read_bytes()
    return {
        "file": path.name,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "parity": {key: round(value, 3) for key, value in parity.items()},
    }


def put(entry: dict[str, Any]) -> None:
    """Add an entry to the catalogue; an entry with the same name is replaced."""
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
    """docs/styles.md with an updated table of the shipped styles."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    listed = json.loads((SHIPPED / "catalogue.json").read_text(encoding="utf-8"))
    rows = "".join(f"{_row(entry)}\n" for entry in listed if entry.get("kind", "style") == "style")
    table = f"| name | painting | network | size | int8 |\n| --- | --- | --- | --- | --- |\n{rows}"
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _row(entry: dict[str, Any]) -> str:
    painting = f"{entry['artist']}, *{entry['title']}*, {entry['year']}"
    int8 = "yes" if entry.get("int8") else "no"
    return f"| `{entry['name']}` | {painting} | {entry['network']} | {entry['size'] / 1e6:.2f} MB | {int8} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
