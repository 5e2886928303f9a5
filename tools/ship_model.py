"""Add a trained generator, encoder or classifier to what ships: its file with the weights in half precision, and its entry in the catalogue.

python tools/ship_model.py runs/mnist-dcgan.onnx --title "Handwritten digits" --licence "CC0 1.0 (weights)" --credit "trained for fststyle on ..."

Refuses a file that then draws another picture (by more than `LEVELS`) or finds other numbers (by more than a hundredth of the largest).
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from listing import file_facts, put

from fststyle.catalogue import SHIPPED, metadata
from fststyle.export.precision import half_weights

LEVELS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    for name in ("title", "credit"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--licence", default="CC0 1.0 (weights)")
    args = parser.parse_args()
    for path in args.files:
        whole = path.read_bytes()
        told = metadata(whole)
        content = _halved(whole)
        worst = _difference(whole, content)
        target = SHIPPED / path.name
        target.write_bytes(content)
        facts = file_facts(target, {})
        del facts["parity"]
        entry = {"name": path.stem, "kind": told["kind"], "title": args.title, "licence": args.licence, "credit": args.credit, **facts}
        put({**entry, "trained_with": json.loads(told.get("trained_with") or "{}")})
        print(f"{target.name}  {told['kind']}  {facts['size']:,} bytes, at most {worst:.3g} from full precision")


def _halved(content: bytes) -> bytes:
    model = half_weights(onnx.load_from_string(content))
    for entry in model.metadata_props:
        if entry.key == "precision":
            entry.value = "fp16-weights"
    return bytes(model.SerializeToString())


def _difference(one: bytes, other: bytes) -> float:
    """The largest difference of what two files make of the same noise: in levels of pixels, or of any other numbers relative to the largest."""
    rng = np.random.default_rng(0)
    found = []
    for content in (one, other):
        session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()
        shape = [64 if isinstance(side, str) else side for side in given.shape]
        if not found:
            noise = rng.standard_normal(shape, np.float32) if given.type == "tensor(float)" else rng.integers(0, 256, shape, np.uint8)
        found.append(session.run(None, {given.name: noise}))
    worst = 0.0
    for before, after in zip(*found, strict=True):
        pixels = before.dtype == np.uint8
        difference = float(np.abs(before.astype(np.float64) - after).max()) / (1 if pixels else max(1e-6, float(np.abs(before).max())))
        if difference > (LEVELS if pixels else 0.01):
            raise SystemExit(f"half precision makes a difference of {difference:.3g}; nothing was written")
        worst = max(worst, difference)
    return worst


if __name__ == "__main__":
    main()
