"""Add a trained style to the ones that ship: export with half-size weights, live ones in integers too, check, and write the catalogue.

The float file's kernels keep four bits behind the leading one, so that it packs to two thirds (git and wheels pack): 48 dB from the picture
of the whole weights, where integers are at 32 to 40. The last kernel stays whole: its taps must cancel on plain surfaces.

python tools/ship.py runs/starry-night.pt --name starry-night --title "The Starry Night" --artist "Vincent van Gogh" --year 1889 --credit "..." --data PHOTOS
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import onnx
import torch
from listing import file_facts, put

from fststyle.catalogue import SHIPPED
from fststyle.export.settings import ExportSettings
from fststyle.train import checkpoint
from fststyle.train.deliver import export_checkpoint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    for name in ("name", "title", "artist", "year", "credit"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--data", type=Path, help="photos that int8 measures its ranges on")
    parser.add_argument("--licence", default="public domain (painting), CC0 1.0 (weights)")
    args = parser.parse_args()
    told = {"name": args.name, "title": args.title, "artist": args.artist, "year": args.year, "licence": args.licence, "data": args.data}
    target = SHIPPED / f"{args.name}.onnx"
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder) / "packed.pt"
        checkpoint.save(packed, coarser(checkpoint.load(args.checkpoint, checkpoint.PAINTERS)))
        _, parity = export_checkpoint(packed, ExportSettings(output=target, precision="fp16-weights", **told))
    card = {entry.key: entry.value for entry in onnx.load(target).metadata_props}
    entry = {
        "name": args.name,
        **{key: getattr(args, key) for key in ("title", "artist", "year", "licence", "credit")},
        "network": card["network"],
        "precision": card["precision"],
        **file_facts(target, parity),
        "style_sha256": card["style_sha256"],
        "trained_with": json.loads(card["trained_with"]),
    }
    if card["network"] == "live":
        integers = SHIPPED / f"{args.name}-int8.onnx"
        _, parity = export_checkpoint(args.checkpoint, ExportSettings(output=integers, precision="int8", **told))
        entry["int8"] = file_facts(integers, parity)
    put(entry)
    print(json.dumps({key: entry.get(key) for key in ("file", "size", "parity", "int8")}))


def coarser(content: dict[str, Any], bits: int = 4) -> dict[str, Any]:
    """A checkpoint's content with every kernel but the last rounded to `bits` bits behind the leading one."""
    model = dict(content["model"])
    kernels = [name for name, weight in model.items() if weight.ndim == 4]
    for name in kernels[:-1]:
        mantissa, exponent = torch.frexp(model[name])
        model[name] = torch.ldexp((mantissa * 2.0 ** (bits + 1)).round() / 2.0 ** (bits + 1), exponent)
    return {**content, "model": model}


if __name__ == "__main__":
    main()
