"""Add a trained style to the included ones: export it, check the files, and update the catalogue and
docs/styles.md.

    python tools/ship.py runs/starry-night.pt --name starry-night --title "The Starry Night" \\
        --artist "Vincent van Gogh" --year 1889 --credit "..." --data PHOTOS

Writes an int8-weights file and, for a live style, an int8 file. The int8 file does not contain the kernels;
it refers to those in the int8-weights file, which have the same bytes (`fststyle.external_data`). The
catalogue records the differences of both files from the network, and the PSNR.
"""

import argparse
import json
from pathlib import Path

import onnx
from listing import file_facts, put

from fststyle.catalogue import SHIPPED
from fststyle.export.settings import ExportSettings
from fststyle.external_data import share_weights
from fststyle.runtime.style import DETAIL, SMOOTH
from fststyle.train.export import export_checkpoint


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    for name in ("name", "title", "artist", "year", "credit"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--data", type=Path, help="folder of photos for int8 calibration and parity")
    parser.add_argument("--smooth", type=int, default=SMOOTH, help="recommended value of --smooth")
    parser.add_argument("--detail", type=float, default=DETAIL, help="recommended value of --detail")
    parser.add_argument("--license", default="public domain (painting), CC0 1.0 (weights)")
    args = parser.parse_args()
    metadata = {
        "name": args.name,
        "title": args.title,
        "artist": args.artist,
        "year": args.year,
        "license": args.license,
        "data": args.data,
    }
    target = SHIPPED / f"{args.name}.onnx"
    _, parity = export_checkpoint(
        args.checkpoint, ExportSettings(output=target, precision="int8-weights", **metadata)
    )
    card = {entry.key: entry.value for entry in onnx.load(target).metadata_props}
    entry = {
        "name": args.name,
        **{key: getattr(args, key) for key in ("title", "artist", "year")},
        "license": args.license,
        "credit": args.credit,
        "network": card["network"],
        "precision": card["precision"],
        **file_facts(target, parity),
        "style_sha256": card["style_sha256"],
        "trained_with": json.loads(card["trained_with"]),
        "smooth": args.smooth,
        "detail": args.detail,
    }
    if card["network"] == "live":
        integers = SHIPPED / f"{args.name}-int8.onnx"
        _, parity = export_checkpoint(
            args.checkpoint, ExportSettings(output=integers, precision="int8", **metadata)
        )
        integers.write_bytes(share_weights(integers.read_bytes(), target))
        entry["int8"] = file_facts(integers, parity)
    put(entry)
    print(json.dumps({key: entry.get(key) for key in ("file", "size", "parity", "int8")}))


if __name__ == "__main__":
    main()
