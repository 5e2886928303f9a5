"""Download ONNX Runtime for the browser from npm into fststyle/web/static/vendor/ort.

    python tools/vendor_ort.py 1.30.0

Needs npm, and the Python package onnxruntime for the license and the third-party notices, which the npm
package does not contain.
"""

import argparse
import lzma
import subprocess
import tarfile
import tempfile
from pathlib import Path

import onnxruntime

from fststyle.web.ort import FOLDER, PACKED, PLAIN

NOTICES = ("LICENSE", "ThirdPartyNotices.txt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("version")
    version = parser.parse_args().version
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["npm", "pack", "--silent", f"onnxruntime-web@{version}", "--pack-destination", folder],
            check=True,
        )
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as package:
            package.extractall(folder, filter="data")
        source = Path(folder) / "package" / "dist"
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name in PLAIN:
            (FOLDER / name).write_bytes((source / name).read_bytes())
        for name in PACKED:
            packed = lzma.compress((source / name).read_bytes(), preset=9 | lzma.PRESET_EXTREME)
            (FOLDER / f"{name}.xz").write_bytes(packed)
    python = Path(onnxruntime.__file__).parent
    for name in NOTICES:
        (FOLDER / name).write_bytes((python / name).read_bytes())
    (FOLDER / "VERSION").write_text(f"onnxruntime-web {version}\n", encoding="utf-8")
    total = sum(path.stat().st_size for path in FOLDER.iterdir())
    print(f"{FOLDER}: {total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
