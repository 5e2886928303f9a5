"""Add a trained generator, VAE or classifier to the included files: export it as fp16-weights, which checks
the file, and update the catalogue. The name is that of the checkpoint.

    python tools/ship_model.py runs/mnist-dcgan.pt --title "Handwritten digits" \\
        --credit "trained for fststyle"
"""

import argparse
import json
from pathlib import Path

from listing import file_facts, put

from fststyle.catalogue import SHIPPED, encoder_of, metadata
from fststyle.train.export import export_checkpoint


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    for name in ("title", "credit"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--license", default="CC0 1.0 (weights)")
    args = parser.parse_args()
    target = SHIPPED / f"{args.checkpoint.stem}.onnx"
    export_checkpoint(
        args.checkpoint, output=target, precision="fp16-weights", title=args.title, license=args.license
    )
    written = [target] if metadata(target.read_bytes())["kind"] != "vae" else [target, encoder_of(target)]
    for path in written:
        card = metadata(path.read_bytes())
        facts = file_facts(path, {})
        del facts["parity"]
        put(
            {
                "name": path.stem,
                "kind": card["kind"],
                "title": args.title,
                "license": args.license,
                "credit": args.credit,
                **facts,
                "trained_with": json.loads(card["trained_with"]),
            }
        )
        print(f"{path.name}  {card['kind']}  {facts['size']:,} bytes")


if __name__ == "__main__":
    main()
