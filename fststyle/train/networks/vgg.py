"""The loss network: VGG-16 up to relu4_3, with frozen weights.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (2014,
arXiv:1409.1556), configuration D. The weights are the original ones of the Visual Geometry Group, Oxford (CC
BY 4.0), which the style transfer literature uses, not those that torchvision trained on ImageNet
(``IMAGENET1K_V1``).
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from fststyle import vgg_weights
from fststyle.errors import InputError, missing_packages

MEAN = (123.68, 116.779, 103.939)
"""RGB mean of ImageNet (0-255), which is subtracted from the input. There is no division by a standard
deviation.
"""

_BLOCKS = (("1", (64, 64)), ("2", (128, 128)), ("3", (256, 256, 256)), ("4", (512, 512, 512)))
"""Name of each block, and the channels of its convolutions."""
LAYERS = tuple(f"relu{block}_{i}" for block, widths in _BLOCKS for i, _ in enumerate(widths, 1))
"""Names of the layers whose activations can be requested."""


def _layers() -> tuple[nn.Sequential, dict[int, str]]:
    """Return the layers of VGG-16 up to relu4_3, and a dict that maps the index of each ReLU layer to its
    name. The indices are those of torchvision's ``vgg16().features``.
    """
    layers: list[nn.Module] = []
    names: dict[int, str] = {}
    channels = 3
    for block, widths in _BLOCKS:
        if layers:
            layers.append(nn.MaxPool2d(2, 2))
        for i, width in enumerate(widths, 1):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            names[len(layers) - 1] = f"relu{block}_{i}"
            channels = width
    return nn.Sequential(*layers), names


class VGG16(nn.Module):
    """VGG-16 up to relu4_3, with frozen weights. The submodule ``features`` has the same weight names as that
    of torchvision's ``vgg16()``.
    """

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.features, self.names = _layers()
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)

    def forward(self, image: Tensor, layers: tuple[str, ...] = LAYERS) -> dict[str, Tensor]:
        """Return the activations of `layers` by name, (N, C, h, w) each.

        The forward pass ends at the deepest requested layer. The input is scaled to 0-255 and the mean is
        subtracted, as the published weights expect.

        Args:
            image: (N, 3, H, W) RGB in [-1, 1]. The activations of relu1_1 and relu1_2 have its height and
                width. Each further block halves both, rounded down.
            layers: names from `LAYERS`.

        Raises:
            InputError: a layer is unknown.
        """
        wanted = set(layers)
        named(*wanted)
        x = image * 127.5 + (127.5 - self.mean)
        found: dict[str, Tensor] = {}
        for i, layer in enumerate(self.features):
            x = layer(x)
            name = self.names.get(i)
            if name in wanted:
                found[name] = x
                if len(found) == len(wanted):
                    break
        return found


def named(*layers: str) -> None:
    """Raise `InputError` if one of `layers` is not in `LAYERS`."""
    if unknown := set(layers) - set(LAYERS):
        raise InputError(f"the loss network has no layer {sorted(unknown)[0]!r}; it has {', '.join(LAYERS)}")


def repeat_edges(vgg: VGG16) -> VGG16:
    """Switch `vgg` from zero padding to replicate padding, in place. Returns `vgg`.

    Zero padding acts as a black frame. Images optimized with such a loss network have lines along the border,
    and networks trained with it learn to produce them.
    """
    for module in vgg.modules():
        if isinstance(module, nn.Conv2d):
            module.padding_mode = "replicate"
    return vgg


def load_vgg(weights: str | Path = "oxford") -> VGG16:
    """Return the loss network, VGG-16 up to relu4_3, on the CPU and in evaluation mode.

    Args:
        weights: ``"oxford"`` for the weights included in fststyle (`fststyle.vgg_weights`);
            ``"torchvision"`` for ``VGG16_Weights.IMAGENET1K_FEATURES``, the same weights in float32, which
            torchvision downloads to its cache on first use (528 MB); or the path of a safetensors or torch
            file with torchvision's weight names. Other tensors in the file are ignored.

    Raises:
        InputError: the file is missing or damaged, contains anything other than tensors, or lacks a layer;
            or torchvision is not installed, or its download failed.
        DependencyError: safetensors is needed for the weights, and is not installed.
    """
    vgg = VGG16()
    if weights == "torchvision":
        try:
            from torchvision.models import VGG16_Weights

            state = VGG16_Weights.IMAGENET1K_FEATURES.get_state_dict(progress=True, check_hash=True)
        except (ImportError, OSError, RuntimeError) as error:  # not installed, no network, another hash
            raise InputError(
                f"{weights}: the weights are not available ({error}); use --vgg oxford, which fststyle"
                " includes"
            ) from error
    elif weights == "oxford":
        state = {name: torch.from_numpy(value) for name, value in vgg_weights.load().items()}
    else:
        state = _read(Path(weights))
    wanted = vgg.state_dict()
    missing = [name for name in wanted if name not in state or state[name].shape != wanted[name].shape]
    if missing:
        raise InputError(
            f"{weights}: does not contain VGG-16 weights with torchvision's names"
            f" ({missing[0]} is missing or has a different shape)"
        )
    vgg.load_state_dict({name: state[name].float() for name in wanted})
    return vgg.eval()


def _read(path: Path) -> dict[str, Tensor]:
    """Read a safetensors or torch file of weights. Raises `InputError`, and `DependencyError` if safetensors
    is needed but not installed.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file of VGG-16 weights")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, EOFError, RuntimeError, KeyError) as error:
        raise InputError(f"{path}: cannot be read as weights ({type(error).__name__})") from error
    except Exception as error:  # torch raises pickle.UnpicklingError, also for a file that contains code
        raise InputError(
            f"{path}: is not a file of tensors; it was not loaded, since it may contain code"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"{path}: is not a state dict of tensors")
    return state


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file. Raises `InputError`, and `DependencyError` if safetensors is not installed."""
    with missing_packages(f"{path}: needs safetensors: pip install safetensors"):
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    try:
        return load_file(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (SafetensorError, ValueError, RuntimeError, KeyError) as error:
        raise InputError(f"{path}: cannot be read as weights ({type(error).__name__})") from error
