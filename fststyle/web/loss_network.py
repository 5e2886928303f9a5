"""Build the loss network as ONNX files for the browser.

The loss network is VGG-16 with replicate padding, as in `fststyle.train.networks.vgg`. `activations` builds
a file that computes activations and Gram matrices, and `gradient` builds a file that computes the gradient of
the objective of Gatys et al. 2016. The files contain the included weights, with kernels in float16. They end
after 1 to 4 blocks (0.1, 0.5, 3.5 or 15 MB), so that lessons about early layers load little data.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fststyle import vgg_weights
from fststyle.arrays import Array

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto, ValueInfoProto

MEAN = (123.68, 116.779, 103.939)
"""Mean RGB values, in 0-255, that are subtracted from the input of the network."""
BLOCKS = {"relu1_2": (0, 2), "relu2_2": (5, 7), "relu3_3": (10, 12, 14), "relu4_3": (17, 19, 21)}
"""Output layer of each block, and the indices of its convolutions in torchvision's ``vgg16().features``.

A 2x2 max pooling precedes each block except the first.
"""
LAYERS = tuple(BLOCKS)
"""Output layers of all blocks, in order."""

Described = tuple[str, Sequence[int | None]]
"""Name and shape of an input or output; None is a dynamic dimension."""


@functools.lru_cache(maxsize=8)
def activations(blocks: int) -> bytes:
    """Return an ONNX file that computes activations and Gram matrices of the loss network for an image.

    It computes them for the first ``blocks`` layers of `LAYERS`. The input ``picture`` is float32
    (1, 3, H, W) RGB in [-1, 1]. For each layer, such as ``relu1_2``, there are two outputs: the activation
    ``relu1_2``, float32 (1, C, h, w), and the Gram matrix ``gram_relu1_2``, float32 (C, C), divided by
    C*h*w. Raises `DependencyError` if safetensors is not installed.
    """
    graph = _Graph()
    outputs: list[Described] = []
    for layer in _forward(graph, blocks):
        outputs += [
            (layer.name, [1, layer.channels, None, None]),
            (_gram(graph, layer), [layer.channels] * 2),
        ]
    return graph.model([("picture", [1, 3, None, None])], outputs)


@functools.lru_cache(maxsize=8)
def gradient(blocks: int) -> bytes:
    """Return an ONNX file that computes the losses of an image and the gradient of their weighted sum.

    The losses are the content and style losses of `fststyle.train.losses.johnson` for the first ``blocks``
    layers of `LAYERS`. Each layer contributes content weight * content loss + style weight * style loss to
    the sum.

    All inputs and outputs are float32. The inputs are:

    - ``picture``: the image, (1, 3, H, W) RGB in [-1, 1]. H and W must be multiples of 8.
    - ``content_relu1_2`` and ``style_relu1_2``: target activation and target Gram matrix of the layer
      ``relu1_2``, in the shapes of `activations`; likewise for the other layers.
    - ``content_weights`` and ``style_weights``: (blocks,).

    The outputs are:

    - ``gradient``: the gradient with respect to ``picture``, in its shape.
    - ``content_losses`` and ``style_losses``: the unweighted losses, (blocks,).

    Raises `DependencyError` if safetensors is not installed.
    """
    graph = _Graph()
    layers = _forward(graph, blocks)
    inputs: list[Described] = [("picture", [1, 3, None, None])]
    losses: dict[str, list[str]] = {"content": [], "style": []}
    back = ""
    for number, layer in reversed(list(enumerate(layers))):
        inputs += [
            (f"content_{layer.name}", [1, layer.channels, None, None]),
            (f"style_{layer.name}", [layer.channels] * 2),
        ]
        for kind, (loss, own) in (("content", _content(graph, layer)), ("style", _style(graph, layer))):
            losses[kind].insert(0, graph.add("Reshape", loss, graph.ints([1])))
            weight = graph.add("Gather", f"{kind}_weights", graph.ints(number))
            weighted = graph.add("Mul", own, weight)
            back = graph.add("Add", back, weighted) if back else weighted
        back = _backward(graph, layer, back)
    graph.add("Mul", back, graph.floats(127.5), name="gradient")
    inputs += [("content_weights", [blocks]), ("style_weights", [blocks])]
    for kind, found in losses.items():
        graph.add("Concat", *found, name=f"{kind}_losses", axis=0)
    return graph.model(
        inputs, [("gradient", [1, 3, None, None]), ("content_losses", [blocks]), ("style_losses", [blocks])]
    )


@dataclass
class _Convolution:
    """Names of two tensors of a convolution.

    ``kernel`` is the kernel, and ``result`` is the output after the ReLU.
    """

    kernel: str
    result: str


@dataclass
class _Block:
    """A block of the loss network, which consists of convolutions that are each followed by a ReLU.

    ``name`` is the name of the output of the last ReLU, and ``channels`` is its number of channels.
    ``before`` contains the names of the input and the output of the pooling before the block. It is None for
    the first block.
    """

    name: str
    channels: int
    convolutions: list[_Convolution]
    before: tuple[str, str] | None


@dataclass
class _Graph:
    """Builder for an ONNX graph. Methods that add a node or a constant return the name of the new tensor."""

    nodes: "list[NodeProto]" = field(default_factory=list)
    initializers: "list[TensorProto]" = field(default_factory=list)

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node with the operator ``kind``.

        Returns the name of its output, which is ``name`` or, if that is "", a new name.
        """
        from onnx import helper

        name = name or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: Array, name: str = "") -> str:
        from onnx import numpy_helper

        name = name or f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(values, name))
        return name

    def ints(self, values: int | Sequence[int]) -> str:
        return self.constant(np.array(values, np.int64))

    def floats(self, values: float | Sequence[float] | Array) -> str:
        return self.constant(np.array(values, np.float32))

    def slice(self, value: str, start: int, stop: int, axis: int) -> str:
        return self.add("Slice", value, self.ints([start]), self.ints([stop]), self.ints([axis]))

    def model(self, inputs: list[Described], outputs: list[Described]) -> bytes:
        """Return the graph with these inputs and outputs as the bytes of an ONNX file."""
        from onnx import TensorProto, helper

        def described(values: list[Described]) -> "list[ValueInfoProto]":
            return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in values]

        graph = helper.make_graph(
            self.nodes, "loss network", described(inputs), described(outputs), self.initializers
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        content: bytes = model.SerializeToString()
        return content


def _forward(graph: _Graph, blocks: int) -> list[_Block]:
    """Add the first ``blocks`` blocks of the loss network, applied to the input ``picture``.

    Returns the added blocks.
    """
    weights = vgg_weights.load()
    value = graph.add("Mul", "picture", graph.floats(127.5))
    value = graph.add("Add", value, graph.floats(127.5 - np.array(MEAN).reshape(1, 3, 1, 1)))
    pads = graph.ints([0, 0, 1, 1, 0, 0, 1, 1])
    found: list[_Block] = []
    for name in LAYERS[:blocks]:
        before = None
        if found:
            pooled = graph.add("MaxPool", value, kernel_shape=[2, 2], strides=[2, 2])
            before, value = (value, pooled), pooled
        convolutions = []
        for index in BLOCKS[name]:
            halves = weights[f"features.{index}.weight"].astype(np.float16)
            kernel = graph.add("Cast", graph.constant(halves), to=1)
            bias = graph.constant(weights[f"features.{index}.bias"].astype(np.float32))
            padded = graph.add("Pad", value, pads, mode="edge")
            summed = graph.add("Conv", padded, kernel, bias, kernel_shape=[3, 3])
            last = index == BLOCKS[name][-1]
            value = graph.add("Relu", summed, name=name if last else "")
            convolutions.append(_Convolution(kernel, value))
        found.append(_Block(name, halves.shape[0], convolutions, before))
    return found


def _flat(graph: _Graph, layer: _Block) -> str:
    """Add a node that reshapes the activation of a layer to (C, H * W). Returns the name of its output."""
    return graph.add("Reshape", layer.name, graph.ints([layer.channels, -1]))


def _size(graph: _Graph, layer: _Block) -> str:
    """Add nodes that compute the number of activations of a layer, C * H * W, as a float32 scalar.

    Returns the name of the output.
    """
    return graph.add("Cast", graph.add("Size", layer.name), to=1)


def _gram(graph: _Graph, layer: _Block) -> str:
    """Add nodes that compute the Gram matrix of a layer, divided by C * H * W.

    Returns the name of the output.
    """
    flat = _flat(graph, layer)
    product = graph.add("MatMul", flat, graph.add("Transpose", flat, perm=[1, 0]))
    return graph.add("Div", product, _size(graph, layer), name=f"gram_{layer.name}")


def _content(graph: _Graph, layer: _Block) -> tuple[str, str]:
    """Add nodes that compute the content loss of a layer and its gradient.

    The loss is the mean squared error between the activation and the target ``content_NAME``, where NAME is
    the name of the layer.

    Returns the names of the loss and of its gradient with respect to the activation.
    """
    difference = graph.add("Sub", layer.name, f"content_{layer.name}")
    loss = graph.add("ReduceMean", graph.add("Mul", difference, difference), keepdims=0)
    twice = graph.add("Mul", difference, graph.floats(2.0))
    return loss, graph.add("Div", twice, _size(graph, layer))


def _style(graph: _Graph, layer: _Block) -> tuple[str, str]:
    """Add nodes that compute the style loss of a layer and its gradient.

    The loss is the mean squared error between the Gram matrix and the target ``style_NAME``, where NAME is
    the name of the layer.

    Returns the names of the loss and of its gradient with respect to the activation. The gradient is
    4 (G - T) F / (C^2 * C * H * W), with Gram matrix G, target T and activation F.
    """
    difference = graph.add("Sub", _gram(graph, layer), f"style_{layer.name}")
    loss = graph.add("ReduceMean", graph.add("Mul", difference, difference), keepdims=0)
    scaled = graph.add("Mul", difference, graph.floats(4.0 / layer.channels**2))
    product = graph.add("MatMul", graph.add("Div", scaled, _size(graph, layer)), _flat(graph, layer))
    return loss, graph.add("Reshape", product, graph.add("Shape", layer.name))


def _backward(graph: _Graph, layer: _Block, back: str) -> str:
    """Add nodes for the backward pass of a block and of the pooling before it.

    ``back`` is the name of the gradient with respect to the output of the block. Returns the name of the
    gradient with respect to the input of the pooling, or of the block if there is no pooling.
    """
    for convolution in reversed(layer.convolutions):
        positive = graph.add("Cast", graph.add("Greater", convolution.result, graph.floats(0.0)), to=1)
        back = graph.add("ConvTranspose", graph.add("Mul", back, positive), convolution.kernel)
        for axis in (2, 3):
            back = _fold_edges(graph, back, axis)
    if layer.before is not None:
        value, pooled = layer.before
        scales = graph.floats([1, 1, 2, 2])
        spread = graph.add(
            "Resize",
            back,
            "",
            scales,
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        largest = graph.add(
            "Resize",
            pooled,
            "",
            scales,
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        # If several values of a window are equal to the maximum, each of them gets the whole gradient. If the
        # maximum is 0, the ReLU before the pooling stops the gradient.
        chosen = graph.add("Cast", graph.add("Equal", value, largest), to=1)
        back = graph.add("Mul", spread, chosen)
    return back


def _fold_edges(graph: _Graph, back: str, axis: int) -> str:
    """Add nodes for the backward pass of replicate padding by one pixel along ``axis``.

    The gradient of each padded pixel is added to that of the edge pixel that it copies. ``back`` is the name
    of the gradient with respect to the padded tensor. Returns the name of the gradient with respect to the
    tensor before padding.
    """
    first = graph.add("Add", graph.slice(back, 0, 1, axis), graph.slice(back, 1, 2, axis))
    last = graph.add("Add", graph.slice(back, -2, -1, axis), graph.slice(back, -1, 2**31, axis))
    return graph.add("Concat", first, graph.slice(back, 2, -2, axis), last, axis=axis)
