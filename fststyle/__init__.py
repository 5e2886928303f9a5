"""Fast style transfer. Each style is a feed-forward network in a small ONNX file.

>>> import fststyle
>>> fststyle.stylize("photo.jpg", "starry-night").save("stylized.jpg")  # doctest: +SKIP

Public names are imported on first use, so `import fststyle` is fast. Training and export need PyTorch.
"""

import importlib.util
import os
from typing import TYPE_CHECKING, Any

from fststyle import errors

if TYPE_CHECKING:
    from fststyle.catalogue import styles
    from fststyle.export.style import export_module
    from fststyle.runtime.batch import stylize_files
    from fststyle.runtime.image import stylize
    from fststyle.runtime.style import Style, load_style
    from fststyle.runtime.stylizer import Stylizer
    from fststyle.runtime.video.stylize import stylize_video, video_frames
    from fststyle.train.export import export_checkpoint
    from fststyle.train.keyframe.train import train_keyframes
    from fststyle.train.restore.restore import restore
    from fststyle.train.style.gatys import gatys
    from fststyle.train.style.train import train_style
    from fststyle.train.translate.train import train_translator

    __version__: str

# ONNX Runtime collects telemetry from version 1.31 on. Set the variable to 0 to allow it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Public name -> module that defines it.
_MODULES = {
    "Stylizer": "fststyle.runtime.stylizer",
    "Style": "fststyle.runtime.style",
    "export_checkpoint": "fststyle.train.export",
    "export_module": "fststyle.export.style",
    "gatys": "fststyle.train.style.gatys",
    "load_style": "fststyle.runtime.style",
    "restore": "fststyle.train.restore.restore",
    "styles": "fststyle.catalogue",
    "stylize": "fststyle.runtime.image",
    "stylize_files": "fststyle.runtime.batch",
    "stylize_video": "fststyle.runtime.video.stylize",
    "video_frames": "fststyle.runtime.video.stylize",
    "train_keyframes": "fststyle.train.keyframe.train",
    "train_style": "fststyle.train.style.train",
    "train_translator": "fststyle.train.translate.train",
}
__all__ = [
    "Style",
    "Stylizer",
    "__version__",
    "errors",
    "export_checkpoint",
    "export_module",
    "gatys",
    "load_style",
    "restore",
    "styles",
    "stylize",
    "stylize_files",
    "stylize_video",
    "train_keyframes",
    "train_style",
    "train_translator",
    "video_frames",
]


def _needs_torch(name: str) -> bool:
    return _MODULES.get(name, "").startswith(("fststyle.train.", "fststyle.export."))


# `help` and `import *` access every name in __all__, so names that need PyTorch are omitted without it.
try:
    _TRAINS = importlib.util.find_spec("torch") is not None
except ImportError:  # an import hook may block the lookup
    _TRAINS = False
if not _TRAINS:
    __all__ = [name for name in __all__ if not _needs_torch(name)]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("fststyle")
    if name not in _MODULES:
        raise AttributeError(f"module 'fststyle' has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(_MODULES[name]), name)
    except ImportError as error:
        if _needs_torch(name) and (error.name or "").partition(".")[0] != "fststyle":
            raise errors.DependencyError(
                f"fststyle.{name} needs PyTorch and other packages; {errors.INSTALL_TRAIN} [{error}]"
            ) from error
        raise


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
