"""Options that several training commands share. Does not import torch, so that the command line starts
fast.
"""

from pathlib import Path
from typing import Any

from fststyle.settings import option

OPTIONS: dict[str, dict[str, Any]] = {
    "output": {"default": Path("."), "help": "Folder for the results.", "flags": ("--output", "-o")},
    "steps": {"help": "Training steps.", "min": 1},
    "minutes": {
        "default": None,
        "help": "Training time in minutes, instead of --steps. The number of steps follows from the measured"
        " speed of this machine.",
        "min": 0.05,
        "max": 1e5,
    },
    "grid_weight": {
        "default": 0.03,
        "help": "Weight of the grid losses, which reduce block artifacts.",
        "min": 0,
    },
    "optimizer": {
        "default": "muon",
        "help": "Optimizer; muon needs fewer steps than adam.",
        "choices": ("muon", "adam"),
    },
    "learning_rate": {"help": "Peak learning rate; it decays linearly to 1/20.", "min": 1e-8, "max": 1},
    "seed": {"default": 0, "min": 0, "max": 2**32 - 1},
    "device": {
        "default": "auto",
        "help": "Device that PyTorch uses.",
        "choices": ("auto", "cpu", "cuda", "mps"),
    },
    "precision": {
        "default": "auto",
        "help": "Precision; auto uses bfloat16 on hardware that supports it.",
        "choices": ("auto", "float32", "bfloat16"),
    },
    "workers": {"default": None, "min": 0, "max": 64},
    "resume": {"default": False, "help": "Resume from the checkpoint with this name."},
    "overwrite": {"default": False, "help": "Replace the files of an earlier training run."},
    "save_every": {"default": 100, "help": "Steps between checkpoints.", "min": 1},
    "preview_every": {
        "default": 100,
        "help": "Steps between preview sheets; 0 writes one only at the end.",
        "min": 0,
    },
    "from_": {"default": "auto", "flags": ("--from",)},
    "vgg": {
        "default": "oxford",
        "help": "Loss network: oxford, torchvision, or a file of VGG-16 weights.",
    },
    "tensorboard": {"default": None, "help": "Folder for a TensorBoard log."},
}
"""Arguments of `fststyle.settings.option` by field name."""


def shared(name: str, **changes: Any) -> Any:
    """Return a dataclass field for the option `name` of `OPTIONS`. `changes` replace or add arguments of
    `fststyle.settings.option`.
    """
    return option(**OPTIONS[name] | changes)
