"""Compute VGG statistics of paintings: `python -m fststyle.web.statistics FILE...` prints them as JSON.

The statistics are the mean and the standard deviation of each channel of four layers. They describe a style
about as well as its Gram matrices (Li et al. 2017, "Demystifying Neural Style Transfer", arXiv:1701.01036).
The module runs as a separate process, so that the server does not need to load PyTorch.
"""

import json
import sys
from pathlib import Path

from fststyle.io import images

LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
SIDE = 256
"""Longer side in pixels to which a painting is resized."""


def statistics(path: Path) -> list[float]:
    """Return statistics of a painting: the means and standard deviations of its VGG activations.

    For each of the `LAYERS`, the list contains the means of all channels and then their standard deviations.
    The values of each layer are divided by their L2 norm, so that all layers have the same weight. The
    painting is resized so that its longer side is `SIDE`. Raises `InputError` if the file cannot be read.
    """
    import torch

    from fststyle.train.data.loader import to_tensor
    from fststyle.train.networks.vgg import load_vgg

    rgb = images.resize(images.read(path).opaque, SIDE)
    found: list[float] = []
    with torch.inference_mode():
        for activations in load_vgg()(to_tensor(rgb)[None], LAYERS).values():
            channels = activations[0].flatten(1)
            values = torch.cat([channels.mean(1), channels.std(1)])
            found += (values / values.norm()).tolist()
    return found


if __name__ == "__main__":
    json.dump([statistics(Path(name)) for name in sys.argv[1:]], sys.stdout)
