"""Split the graph of a style into two graphs, to stylize in tiles.

One graph computes the statistics of instance norm over a batch; the other takes these statistics as inputs.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fststyle.errors import DependencyError, StyleError

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

# Operators that may reduce over the whole image. Graphs that contain them are not split.
_GLOBAL = {
    "GlobalAveragePool",
    "GlobalMaxPool",
    "GlobalLpPool",
    "GroupNormalization",
    "LayerNormalization",
    "MeanVarianceNormalization",
}
_GLOBAL |= {
    "ReduceMean",
    "ReduceSum",
    "ReduceMax",
    "ReduceMin",
    "ReduceL2",
    "ReduceSumSquare",
    "DynamicQuantizeLinear",
    "Softmax",
    "Attention",
}


@dataclass(frozen=True)
class Split:
    """The two ONNX models that `split` returns.

    Attributes:
        gather: model that computes the statistics of instance norm, which are additional outputs.
        apply: model that uses given statistics, which are additional inputs.
        names: names of the statistics: a gain and a shift, float32 (1, C, 1, 1), for each instance norm.
    """

    gather: bytes
    apply: bytes
    names: list[str]


def split(model: bytes, name: str = "the style") -> Split:
    """Split a style file into a graph for the statistics and a graph that applies them.

    Per channel, instance norm is ``x * gain + shift`` with ``gain = scale / std``, ``shift = bias - mean *
    gain`` and ``std = sqrt(variance + epsilon)``. ``gather`` computes mean and variance over N, H and W
    together, as if a batch of tiles were one image, and returns gain and shift; ``apply`` takes them as
    inputs. For a style without instance norm, ``names`` is empty and both models are the original.

    Args:
        model: bytes of the style file.
        name: name of the style for error messages.

    Raises:
        StyleError: the graph has other operators that may reduce over the whole image.
        DependencyError: onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise DependencyError(f"stylizing in tiles needs onnx: pip install onnx [{error}]") from error

    source = onnx.load_model_from_string(model)
    kinds = {node.op_type for node in source.graph.node}
    if found := sorted(kinds & _GLOBAL):
        raise StyleError(
            f"{name} cannot be used in tiles: it has operators that may reduce over the whole image"
            f" ({', '.join(found)}); use a smaller --size or --tile off"
        )
    count = sum(node.op_type == "InstanceNormalization" for node in source.graph.node)
    names = [f"fststyle_{what}_{i}" for i in range(count) for what in ("gain", "shift")]
    if not names:
        return Split(model, model, [])
    return Split(_rewrite(source, True), _rewrite(source, False), names)


def _rewrite(source: "ModelProto", gather: bool) -> bytes:
    """Return the model `Split.gather` if ``gather`` is True, and otherwise `Split.apply`."""
    import onnx
    from onnx import TensorProto, helper

    model = onnx.ModelProto()
    model.CopyFrom(source)
    graph = model.graph
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    nodes: list[NodeProto] = []
    index = 0
    for node in graph.node:
        if node.op_type != "InstanceNormalization":
            nodes.append(node)
            continue
        nodes += _normalize(node, index, gather, opset)
        values = [
            helper.make_tensor_value_info(f"fststyle_{what}_{index}", TensorProto.FLOAT, [1, None, 1, 1])
            for what in ("gain", "shift")
        ]
        (graph.output if gather else graph.input).extend(values)
        index += 1
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(
        [
            helper.make_tensor("fststyle_axes", TensorProto.INT64, [3], [0, 2, 3]),
            helper.make_tensor("fststyle_channels", TensorProto.INT64, [4], [1, -1, 1, 1]),
        ]
    )
    result: bytes = model.SerializeToString()
    return result


def _normalize(node: "NodeProto", index: int, gather: bool, opset: int) -> "list[NodeProto]":
    """Return the nodes that replace ``node``, the InstanceNormalization with number ``index`` in the graph.

    If ``gather`` is True, the new nodes compute gain and shift (see `split`) from the input of ``node``.
    Otherwise, they read gain and shift, which are inputs of the graph. They compute in float32 for any input
    type.
    """
    from onnx import TensorProto, helper

    x, scale, bias = node.input
    made: list[NodeProto] = []

    def v(name: str) -> str:
        return f"fststyle_{name}_{index}"

    def add(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        made.append(helper.make_node(kind, inputs, [output], name=f"{output}_node", **attributes))
        return output

    def mean(of: str, output: str) -> str:
        if opset >= 18:
            return add("ReduceMean", [of, "fststyle_axes"], output, keepdims=1)
        return add("ReduceMean", [of], output, axes=[0, 2, 3], keepdims=1)

    wide = add("Cast", [x], v("x"), to=TensorProto.FLOAT)
    gain, shift = v("gain"), v("shift")
    if gather:
        epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
        middle = mean(wide, v("mean"))
        # The mean of squared deviations, since mean(x^2) - mean(x)^2 loses precision if the mean is large.
        deviation = add("Sub", [wide, middle], v("deviation"))
        variance = mean(add("Mul", [deviation, deviation], v("square")), v("variance"))
        constant = helper.make_tensor(v("epsilon"), TensorProto.FLOAT, [], [epsilon])
        add("Constant", [], v("epsilon"), value=constant)
        std = add("Sqrt", [add("Add", [variance, v("epsilon")], v("safe"))], v("std"))
        per_channel = {}
        for what, tensor in (("scale", scale), ("bias", bias)):
            per_channel[what] = add(
                "Cast",
                [add("Reshape", [tensor, "fststyle_channels"], v(f"{what}_raw"))],
                v(what),
                to=TensorProto.FLOAT,
            )
        add("Div", [per_channel["scale"], std], gain)
        add("Sub", [per_channel["bias"], add("Mul", [middle, gain], v("moved"))], shift)
    painted = add("Add", [add("Mul", [wide, gain], v("scaled")), shift], v("y"))
    add("CastLike", [painted, x], node.output[0])
    return made
