"""int8 graphs: the order of operations is optimized, and the output stays bit-identical."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from fststyle.export import quantize
from fststyle.export.folded import Core, core_dims
from fststyle.export.graph import export_graph
from fststyle.train.networks import build


@pytest.fixture(scope="module")
def cores():
    """A small int8 network, before and after the optimization."""
    torch.manual_seed(0)
    net = build("live", {"width": 8, "blocks": 1}).eval()
    core = export_graph(Core(net), torch.zeros((2, 48, 20, 28)), core_dims(4), "folded", ["painted"])
    noise = [node.name for node in core.graph.node if any("noise" in name for name in node.input)]
    photos = [np.random.default_rng(seed).integers(0, 256, (64, 72, 3), dtype=np.uint8) for seed in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        for change in ("_pad_bytes", "_turn_bytes"):
            patch.setattr(quantize, change, lambda graph: None)
        before = quantize.quantize_core(core, photos, 4, 16, noise)
    return before, quantize.quantize_core(core, photos, 4, 16, noise)


def test_edge_padding_is_on_uint8(cores):
    made_by = [{node.output[0]: node.op_type for node in model.graph.node} for model in cores]
    pads = [[node for node in model.graph.node if node.op_type == "Pad"] for model in cores]
    assert len(pads[0]) == len(pads[1]) > 5
    assert all(made_by[1][node.input[0]] == "QuantizeLinear" for node in pads[1])
    assert not any(made_by[0].get(node.input[0]) == "QuantizeLinear" for node in pads[0])
    # The output of a convolution that already has the same scale is used unchanged.
    rounded = [sum(node.op_type == "QuantizeLinear" for node in model.graph.node) for model in cores]
    assert rounded[1] < rounded[0]


def test_transposes_are_on_uint8(cores, tmp_path):
    """In the graph that ONNX Runtime optimizes."""
    turned = []
    for model in cores:
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
        options.log_severity_level = 3
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        graph = onnx.load(tmp_path / "optimized.onnx").graph
        floats = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
        turned.append(sum(node.op_type == "Transpose" and node.input[0] in floats for node in graph.node))
    assert turned[0] > turned[1] == 0


@pytest.mark.parametrize("shape", [(1, 48, 8, 8), (2, 48, 20, 28)])
def test_graph_rewrites_do_not_change_the_result(cores, shape):
    folded = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    before, after = (
        onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(
            None, {"folded": folded}
        )[0]
        for model in cores
    )
    assert before.shape == shape
    assert before.std() > 0
    assert np.array_equal(before, after)
