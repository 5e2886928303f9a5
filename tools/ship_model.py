"""Add a trained generator, encoder or classifier to what ships: the file as its training left it, and its entry in the catalogue.

python tools/ship_model.py runs/mnist-dcgan.onnx --title "Handwritten digits" --licence "CC0 1.0 (weights)" --credit "trained for fststyle on ..."
"""

import argparse
import json
import shutil
from pathlib import Path

from listing import file_facts, put

from fststyle.catalogue import SHIPPED, metadata


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    for name in ("title", "credit"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--licence", default="CC0 1.0 (weights)")
    args = parser.parse_args()
    for path in args.files:
        told = metadata(path.read_bytes())
        target = SHIPPED / path.name
        shutil.copyfile(path, target)
        facts = file_facts(target, {})
        del facts["parity"]
        entry = {"name": path.stem, "kind": told["kind"], "title": args.title, "licence": args.licence, "credit": args.credit, **facts}
        put({**entry, "trained_with": json.loads(told.get("trained_with") or "{}")})
        print(f"{target.name}  {told['kind']}  {facts['size']:,} bytes")


if __name__ == "__main__":
    main()
