"""Add trained styles to the ones that ship: export with half-size weights, check, and write the catalogue.

python tools/ship.py runs/starry-night.pt --title "The Starry Night" --artist "Vincent van Gogh" --year 1889 --credit "..."
"""

import argparse
import hashlib
import json
from pathlib import Path

import onnx

from fststyle.catalogue import SHIPPED
from fststyle.export.settings import ExportSettings
from fststyle.train.deliver import export_checkpoint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    for name in ("title", "artist", "year", "credit"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--licence", default="public domain (painting), CC0 1.0 (weights)")
    args = parser.parse_args()
    name = args.checkpoint.stem
    target = SHIPPED / f"{name}.onnx"
    settings = ExportSettings(output=target, precision="fp16-weights", title=args.title, artist=args.artist, year=args.year, licence=args.licence)
    _, parity = export_checkpoint(args.checkpoint, settings)
    content = target.read_bytes()
    told = {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}
    entry = {
        "name": name,
        "file": target.name,
        **{key: getattr(args, key) for key in ("title", "artist", "year", "licence", "credit")},
        "network": told["network"],
        "precision": told["precision"],
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "parity": {key: round(value, 3) for key, value in parity.items()},
        "style_sha256": told["style_sha256"],
        "trained_with": json.loads(told["trained_with"]),
    }
    path = SHIPPED / "catalogue.json"
    others = [other for other in json.loads(path.read_text(encoding="utf-8")) if other["name"] != name]
    path.write_text(json.dumps(sorted([*others, entry], key=lambda e: e["name"]), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{target}  {len(content):,} bytes, parity {parity}")


if __name__ == "__main__":
    main()
