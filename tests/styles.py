"""Tiny style files, built without torch, so that tests of the runtime do not need it."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

UINT8, FLOAT, INT64 = TensorProto.UINT8, TensorProto.FLOAT, TensorProto.INT64


def model(
    nodes: list,
    initializers: dict[str, np.ndarray] | None = None,
    *,
    shape: tuple = ("N", "H", "W", 3),
    kind: int = UINT8,
    **names: str,
) -> bytes:
    """A model with the input `frame` and the output `styled`, or with other `names`."""
    given, made = names.get("given", "frame"), names.get("made", "styled")
    graph = helper.make_graph(
        nodes,
        "style",
        [helper.make_tensor_value_info(given, kind, shape)],
        [helper.make_tensor_value_info(made, kind, shape)],
        [numpy_helper.from_array(value, name) for name, value in (initializers or {}).items()],
    )
    built = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", int(names.get("opset", 17)))], ir_version=8
    )
    for key, value in (("name", "tiny"), ("artist", "Nobody")):
        entry = built.metadata_props.add()
        entry.key, entry.value = key, value
    return built.SerializeToString()


def inverting() -> bytes:
    """A style that returns 255 minus each value."""
    return model(
        [helper.make_node("Sub", ["white", "frame"], ["styled"])], {"white": np.array(255, np.uint8)}
    )


def network(norm: bool = True, half: bool = False, seed: int = 0, opset: int = 17) -> bytes:
    """Two 3x3 convolutions, of which the first has stride 2 and instance norm, and upsampling to the input
    size. With ``half``, the weights of the norm are float16.
    """
    random = np.random.default_rng(seed)
    weights = {
        "w1": random.normal(0, 0.25, (8, 3, 3, 3)).astype(np.float32),
        "w2": random.normal(0, 0.15, (3, 8, 3, 3)).astype(np.float32),
        "scale": random.uniform(0.5, 1.5, 8).astype(np.float16 if half else np.float32),
        "bias": random.normal(0, 0.3, 8).astype(np.float16 if half else np.float32),
        "l": np.array(127.5, np.float32),
        "zero": np.array(0, np.float32),
        "top": np.array(255, np.float32),
        "scales": np.array([1, 1, 2, 2], np.float32),
        "from": np.array([0, 0], np.int64),
        "axes": np.array([1, 2], np.int64),
        "pads": np.array([0, 0, 0, 0, 0, 1, 1, 0], np.int64),
        "pads1": np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Pad", ["frame", "pads"], ["even"], mode="edge"),
        node("Cast", ["even"], ["f"], to=FLOAT),
        node("Div", ["f", "l"], ["d"]),
        node("Transpose", ["d"], ["t"], perm=[0, 3, 1, 2]),
        node("Pad", ["t", "pads1"], ["p1"], mode="reflect"),
        node("Conv", ["p1", "w1"], ["c1"], strides=[2, 2]),
        *(
            [node("Cast", [name], [f"{name}_wide"], to=FLOAT) for name in ("scale", "bias")]
            if half and norm
            else []
        ),
        (
            node(
                "InstanceNormalization",
                ["c1", "scale_wide" if half else "scale", "bias_wide" if half else "bias"],
                ["n1"],
                epsilon=1e-5,
            )
            if norm
            else node("Identity", ["c1"], ["n1"])
        ),
        node("Relu", ["n1"], ["r1"]),
        node("Resize", ["r1", "", "scales"], ["u"], mode="nearest"),
        node("Pad", ["u", "pads1"], ["p2"], mode="reflect"),
        node("Conv", ["p2", "w2"], ["c2"]),
        node("Mul", ["c2", "l"], ["m"]),
        node("Add", ["m", "l"], ["a"]),
        node("Clip", ["a", "zero", "top"], ["c"]),
        node("Round", ["c"], ["r"]),
        node("Cast", ["r"], ["b"], to=UINT8),
        node("Transpose", ["b"], ["o"], perm=[0, 2, 3, 1]),
        node("Shape", ["frame"], ["size"], start=1, end=3),
        node("Slice", ["o", "from", "size", "axes"], ["styled"]),
    ]
    return model(nodes, weights, opset=str(opset))


def pointwise(gain: float, shift: float, base: str = "", half: bool = False) -> bytes:
    """A style that returns gain * frame + shift. Both numbers are weights of a network."""
    node, number = helper.make_node, np.float16 if half else np.float32
    nodes = [
        node("Cast", ["frame"], ["f"], to=FLOAT),
        node("Cast", ["net.gain"], ["g"], to=FLOAT),
        node("Cast", ["net.shift"], ["s"], to=FLOAT),
        node("Mul", ["f", "g"], ["m"]),
        node("Add", ["m", "s"], ["a"]),
        node("Clip", ["a", "zero", "top"], ["c"]),
        node("Round", ["c"], ["r"]),
        node("Cast", ["r"], ["styled"], to=UINT8),
    ]
    numbers = {"zero": np.array(0, np.float32), "top": np.array(255, np.float32)}
    built = onnx.load_from_string(
        model(
            nodes, {"net.gain": np.array([gain], number), "net.shift": np.array([shift], number), **numbers}
        )
    )
    entry = built.metadata_props.add()
    entry.key, entry.value = "base", base
    return built.SerializeToString()


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A synthetic photo: light on large shapes, with a little grain."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    value = np.stack(
        [np.sin(x / (17 + 5 * c)) + np.cos(y / (23 - 3 * c)) + (x - y) / (height + width) for c in range(3)],
        axis=2,
    )
    value += random.normal(0, 0.1, value.shape)
    return np.clip(128 + 50 * value, 0, 255).astype(np.uint8)


def save(folder: Path, name: str, content: bytes) -> Path:
    """Write a style to a folder."""
    path = folder / f"{name}.onnx"
    path.write_bytes(content)
    onnx.checker.check_model(onnx.load_model_from_string(content))
    return path
