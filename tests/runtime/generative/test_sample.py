"""Latent vectors, interpolations between them, and the outputs of the images."""

from pathlib import Path

import av
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from fststyle.errors import InputError, OutputError, StyleError
from fststyle.io import images
from fststyle.runtime.generative import latents, sample
from tests import styles


def drawing(path: Path, kind: str = "gan", latent: int = 3) -> Path:
    """A generator of 28x28 images, each with one gray level: 128 + 40 times its first number."""
    nodes = [
        helper.make_node("Slice", ["latent", "zero", "one", "one"], ["first"]),
        helper.make_node("Mul", ["first", "gain"], ["scaled"]),
        helper.make_node("Add", ["scaled", "middle"], ["moved"]),
        helper.make_node("Clip", ["moved", "low", "high"], ["clipped"]),
        helper.make_node("Reshape", ["clipped", "as_picture"], ["dot"]),
        helper.make_node("Expand", ["dot", "sides"], ["plane"]),
        helper.make_node("Cast", ["plane"], ["picture"], to=TensorProto.UINT8),
    ]
    tensor = onnx.numpy_helper.from_array
    constants = {
        "zero": np.array([0]),
        "one": np.array([1]),
        "as_picture": np.array([-1, 1, 1, 1]),
        "sides": np.array([1, 28, 28, 3]),
    }
    constants |= {
        name: np.float32(value) for name, value in {"gain": 40, "middle": 128, "low": 0, "high": 255}.items()
    }
    graph = helper.make_graph(
        nodes,
        "drawing",
        [helper.make_tensor_value_info("latent", TensorProto.FLOAT, ["N", latent])],
        [helper.make_tensor_value_info("picture", TensorProto.UINT8, ["N", 28, 28, 3])],
        [
            tensor(
                np.asarray(value, np.float32 if name in ("gain", "middle", "low", "high") else np.int64), name
            )
            for name, value in constants.items()
        ],
    )
    graph.node[0].input[:] = ["latent", "zero", "one", "one"]
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    entry = model.metadata_props.add()
    entry.key, entry.value = "kind", kind
    onnx.save(model, path)
    return path


def test_generator_runs_in_batches(tmp_path):
    generator = sample.Generator(drawing(tmp_path / "a.onnx"), device="cpu")
    latent = latents.sample(150, generator.latent, 0)
    drawn = generator.draw(latent)
    assert drawn.shape == (150, 28, 28, 3)
    np.testing.assert_array_equal(list(generator.stream(latent)), drawn)
    np.testing.assert_allclose(drawn[:, 0, 0, 0], (128 + 40 * latent[:, 0]).clip(0, 255), atol=1)


def test_samples_depend_on_the_seed_and_obey_truncation():
    a, b, c = (latents.sample(2000, 4, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    assert a.std() == pytest.approx(1, abs=0.03)
    assert np.abs(latents.sample(2000, 4, 1, 0.5)).max() <= 0.5
    with pytest.raises(InputError, match="--truncation"):
        latents.sample(1, 2, 0, float("inf"))
    with pytest.raises(InputError, match="--truncation"):
        latents.sample(1, 4, 1, 0.0)


def test_closed_walk_is_smooth_with_constant_speed_and_typical_norms():
    keys = latents.sample(5, 64, 0)
    path = latents.walk(keys, 100)
    lengths = np.linalg.norm(path, axis=1)
    assert lengths.min() > 0.9 * np.linalg.norm(keys, axis=1).min()
    steps = np.roll(path, -1, 0) - path
    moves = np.linalg.norm(steps, axis=1)
    assert moves.max() < 1.2 * moves.min()
    turns = (steps * np.roll(steps, -1, 0)).sum(1) / (moves * np.roll(moves, -1))
    assert turns.min() > 0.7  # of straight legs some are below 0
    apart = np.linalg.norm(path[:, None] - keys[None], axis=2).min(0)
    assert apart.max() < moves.max()
    np.testing.assert_array_equal(path[0], keys[0])


def test_open_walk_ends_at_its_last_key():
    keys = latents.sample(3, 8, 0)
    for some in (keys, keys[:2], keys[[0, 0]], np.zeros((2, 8), np.float32), np.stack([keys[0], -keys[0]])):
        path = latents.walk(some, 9, closed=False)
        assert np.isfinite(path).all()
        np.testing.assert_allclose(path[[0, -1]], some[[0, -1]], atol=1e-5)


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif"])
def test_animations_and_videos_are_written(tmp_path, suffix):
    frames = np.stack([np.full((28, 28, 3), 20 * i, np.uint8) for i in range(10)])
    path = tmp_path / "new" / f"a{suffix}"
    sample.write_animation(frames, path, 10, 64)
    assert [other.name for other in path.parent.iterdir()] == [path.name]
    if suffix == ".gif":
        with Image.open(path) as image:
            assert (image.size, image.n_frames, image.info["duration"]) == ((64, 64), 10, 100)
        return
    with av.open(str(path)) as container:
        shades = [frame.to_ndarray(format="rgb24").mean() for frame in container.decode(video=0)]
        assert container.streams.video[0].average_rate == 10
    np.testing.assert_allclose(shades, [20 * i for i in range(10)], atol=6)


@pytest.mark.parametrize("suffix", [".txt", ".jpg", ".bmp", ".tif", ".avif", ""])
def test_unsupported_animation_format_is_refused_before_generation(tmp_path, suffix):
    def never():
        raise AssertionError("drawn")
        yield

    with pytest.raises(OutputError) as refused:
        sample.write_animation(never(), tmp_path / f"a{suffix}", 10, 64)
    listed = {word for word in str(refused.value).split(": ", 1)[1].split() if word.startswith(".")}
    assert listed == {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".gif", ".webp", ".png", ".apng"}
    for name in listed:
        sample.write_animation(np.zeros((2, 28, 28, 3), np.uint8), tmp_path / f"b{name}", 10, 64)


@pytest.mark.parametrize("suffix", [".png", ".apng", ".webp"])
def test_frame_rate_of_an_animation_is_limited(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    assert sample.supported_fps(path, 1000) == 90
    frames = np.stack([np.full((28, 28, 3), 20 * i, np.uint8) for i in range(3)])
    sample.write_animation(frames, path, 1000, 28)
    assert [frame.duration_ms for frame in images.read(path).frames] == [11] * 3


def test_out_of_memory_is_an_input_error(tmp_path, monkeypatch):
    class Full:
        def run(self, *_: object) -> None:
            raise RuntimeError("Failed to allocate memory for requested buffer")

    generator = sample.Generator(drawing(tmp_path / "a.onnx"), device="cpu")
    monkeypatch.setattr(generator, "_session", Full())
    with pytest.raises(InputError, match="a needs more memory than is available"):
        generator.draw(latents.sample(2, 3, 0))


def test_bad_input(tmp_path):
    with pytest.raises(StyleError, match="no such file"):
        sample.Generator(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(StyleError, match="damaged"):
        sample.Generator(tmp_path / "bad.onnx")
    styles.save(tmp_path, "invert", styles.inverting())
    with pytest.raises(StyleError, match="of kind style, not gan or vae"):
        sample.Generator(tmp_path / "invert.onnx")
    with pytest.raises(StyleError, match="of kind vae, not gan"):
        sample.Generator(drawing(tmp_path / "vae.onnx", "vae"), ("gan",))
    generator = sample.Generator(drawing(tmp_path / "a.onnx"), device="cpu")
    with pytest.raises(InputError, match=r"samples of shape \(3,\), not \(4,\)"):
        generator.draw(latents.sample(2, 4, 0))
    with pytest.raises(InputError, match="no samples"):
        generator.draw(latents.sample(0, 3, 0))
