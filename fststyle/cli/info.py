"""`fststyle info`: show versions, devices, styles and models, and how to install missing packages."""

import importlib.metadata
import json
import platform
from typing import Annotated, Any

import typer

from fststyle import catalogue
from fststyle.cli import streams
from fststyle.errors import INSTALL_TRAIN

_PARTS = {
    "paint": (
        ("onnxruntime", "numpy", "opencv-python", "pillow", "onnx", "av"),
        "in a clone of fststyle: pip install .",
    ),
    "train": (("torch", "torchvision", "safetensors", "onnxscript", "tensorboard"), INSTALL_TRAIN),
}
# Distributions that provide the same module. One of them is enough.
_SAME = {
    "onnxruntime": (
        "onnxruntime",
        "onnxruntime-gpu",
        "onnxruntime-directml",
        "onnxruntime-openvino",
        "onnxruntime-migraphx",
    ),
    "opencv-python": (
        "opencv-python",
        "opencv-python-headless",
        "opencv-contrib-python",
        "opencv-contrib-python-headless",
    ),
}


def register(app: typer.Typer) -> None:
    """Add the ``info`` command to ``app``."""

    @app.command(rich_help_panel="More")
    def info(
        as_json: Annotated[bool, typer.Option("--json", help="Print the information as JSON.")] = False,
    ) -> None:
        """Show versions, devices, styles and models, and the commands that install missing packages."""
        facts = _facts()
        streams.answer(json.dumps(facts, indent=2) if as_json else _text(facts))


def _facts() -> dict[str, Any]:
    from fststyle import __version__
    from fststyle.runtime import devices

    parts = {}
    for part, (packages, line) in _PARTS.items():
        versions = {name: _version(name) for name in packages}
        missing = [name for name, version in versions.items() if version is None]
        parts[part] = {"versions": versions, "missing": missing, "install": line if missing else None}
    return {
        "fststyle": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "parts": parts,
        "devices": {
            name: {"there": there, "install": None if there else devices.INSTALL[name]}
            for name, there in devices.available().items()
        },
        "styles": [entry.name for entry in catalogue.styles()],
        "models": {entry.name: entry.kind for entry in catalogue.models()},
        "style_folders": [str(folder) for folder in catalogue.own_folders()],
    }


def _text(facts: dict[str, Any]) -> str:
    lines = [f"fststyle {facts['fststyle']}, Python {facts['python']}, {facts['system']}"]
    for part, found in facts["parts"].items():
        installed = ", ".join(f"{name} {version}" for name, version in found["versions"].items() if version)
        lines.append(f"{part}: {installed or 'not installed'}")
        if found["missing"]:
            lines.append(f"  missing {', '.join(found['missing'])}: {found['install']}")
    lines.append(
        "devices: " + ", ".join(name for name, device in facts["devices"].items() if device["there"])
    )
    lines += [
        f"  not available: {device['install']}"
        for name, device in facts["devices"].items()
        if not device["there"] and name in ("cuda", "openvino")
    ]
    lines.append(f"styles: {', '.join(facts['styles']) or 'none'}")
    lines.append(
        f"models: {', '.join(f'{name} ({kind})' for name, kind in facts['models'].items()) or 'none'}"
    )
    lines.append(f"folders for your styles: {', '.join(facts['style_folders'])}")
    return "\n".join(lines)


def _version(name: str) -> str | None:
    for candidate in _SAME.get(name, (name,)):
        try:
            return importlib.metadata.version(candidate)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None
