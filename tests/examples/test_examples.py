"""The ComfyUI node and the Gradio demo can be imported, and their functions run."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import fststyle
from fststyle.errors import FststyleError
from tests import styles
from tests.conftest import REPOSITORY

EXAMPLES = REPOSITORY / "examples"


def load(name: str, path: Path) -> ModuleType:
    """Load the node from its path, as ComfyUI does."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    return module


@pytest.fixture
def node(style_folder):
    pytest.importorskip("torch", reason="ComfyUI's images are tensors of PyTorch")
    module = load("comfyui_fststyle", EXAMPLES / "comfyui" / "__init__.py")
    (name,) = module.NODE_CLASS_MAPPINGS
    assert module.NODE_DISPLAY_NAME_MAPPINGS.keys() == {name}
    return module.NODE_CLASS_MAPPINGS[name]


def call(node, image, **chosen):
    """Run the node with its defaults, as ComfyUI does. Returns its only result."""
    kinds = node.INPUT_TYPES()
    values = {
        name: options[0].get("default")
        for group in kinds.values()
        for name, (kind, *options) in group.items()
        if kind != "IMAGE"
    }
    results = getattr(node(), node.FUNCTION)(image=image, **{**values, **chosen})
    assert len(results) == len(node.RETURN_TYPES)
    return results[0]


def test_node_stylizes_a_batch(node):
    import torch

    photos = np.stack([styles.photo(48, 64, seed) for seed in range(2)])
    image = torch.from_numpy(photos).float() / 255
    painted = call(node, image, style="invert")
    assert painted.dtype == torch.float32
    assert painted.shape == (2, 48, 64, 3)
    assert torch.allclose(painted, 1 - image, atol=1e-6)
    # Transparency is dropped, and values outside of 0..1 are clipped.
    painted = call(node, torch.cat([image * 2 - 0.5, image[..., :1]], -1), style="invert")
    assert painted.shape == (2, 48, 64, 3)
    assert (painted.min(), painted.max()) == (0, 1)


def test_node_has_the_results_of_fststyle(node):
    import torch

    photo = styles.photo(48, 64)
    image = torch.from_numpy(photo)[None].float() / 255
    for chosen, style, settings in (
        ({"style": "udnie", "brush": 2.0, "keep_colors": True}, "udnie", {"brush": 2.0, "keep_colors": True}),
        ({"style": "udnie", "mix_with": "great-wave", "share": 0.25}, "udnie:0.75,great-wave:0.25", {}),
        ({"style": "udnie", "mix_with": "great-wave", "share": 1.0}, "great-wave", {}),
        ({"style": "udnie", "strength": 0.5}, "udnie", {"strength": 0.5}),
    ):
        expected = fststyle.stylize(photo, style, device="cpu", **settings)
        painted = (call(node, image, **chosen)[0] * 255).round().numpy()
        assert np.abs(painted - expected).max() <= 1, chosen


def test_node_suppresses_flicker_of_frames(node):
    import torch

    frames = np.stack([styles.photo(48, 64)] * 3).astype(float)
    frames += np.random.default_rng(0).normal(0, 6, frames.shape)
    image = torch.from_numpy(frames.clip(0, 255) / 255).float()

    def change(video):
        painted = call(node, image, style="udnie", video=video)
        return (painted[2] - painted[1]).abs().mean()

    assert change(True) < 0.8 * change(False)


def test_error_of_the_node_has_a_message(node):
    import torch

    with pytest.raises(FststyleError, match="16"):
        call(node, torch.zeros(1, 8, 8, 3), style="invert")


# In a separate process, since the import of gradio leaves an event loop and sockets open.
GRADIO = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import gradio, gradio_demo
photo = np.load("photo.npy")
assert gradio_demo.stylize(None, "invert", "none", 0.5, 1.0, False) is None
try:
    gradio_demo.stylize(photo, "no-such-style", "none", 0.5, 1.0, False)
except gradio.Error as error:
    assert "no-such-style" in str(error)
else:
    raise AssertionError("no error")
assert len(gradio_demo.demo().input_components) == 6
one = gradio_demo.stylize(photo, "invert", "none", 0.5, 1.0, False)
mixed = gradio_demo.stylize(photo, "udnie", "great-wave", 0.25, 1.0, False)
np.savez("painted.npz", one=one, mixed=mixed)
"""


def test_gradio_demo_stylizes(style_folder, tmp_path):
    if importlib.util.find_spec("gradio") is None:
        pytest.skip("the demo needs gradio: pip install gradio")
    photo = styles.photo(48, 64)
    np.save(tmp_path / "photo.npy", photo)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "GRADIO_ANALYTICS_ENABLED": "False"}
    command = [sys.executable, "-c", GRADIO, str(EXAMPLES)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "painted.npz") as painted:
        assert (painted["one"] == 255 - photo).all()
        assert (painted["mixed"] == fststyle.stylize(photo, "udnie:0.75,great-wave:0.25")).all()
