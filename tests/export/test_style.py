"""Export of a torch module to a file that follows the frame contract."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

import onnx  # noqa: E402
import onnxruntime as ort  # noqa: E402

from fststyle.errors import ExportError, OutputError  # noqa: E402
from fststyle.export.frame import Frame  # noqa: E402
from fststyle.export.parity import check_parity  # noqa: E402
from fststyle.export.style import Card, export_module, traced  # noqa: E402
from fststyle.train.networks import build  # noqa: E402

CARD = Card(
    name="test",
    network="johnson",
    network_settings={"width": 4, "blocks": 1},
    trained_with={"steps": 5},
    artist="Anon",
    license="public domain",
)


@pytest.fixture(scope="module")
def net() -> torch.nn.Module:
    torch.manual_seed(0)
    net = build("johnson", {"width": 4, "blocks": 2}).eval()
    for weight in net.parameters():  # no two alike, as after training: the exporter would merge them
        weight.data += 0.01 * torch.randn_like(weight)
    return net


@pytest.fixture(scope="module")
def graph(net) -> onnx.ModelProto:
    return traced(net)


@pytest.fixture(scope="module")
def files(net, graph, tmp_path_factory) -> dict[str, Path]:
    folder, before = tmp_path_factory.mktemp("styles"), graph.SerializeToString()
    for precision in ("fp32", "fp16-weights", "fp16"):
        parity = export_module(net, CARD, folder / f"{precision}.onnx", precision, graph=graph)
        assert parity["mean"] < 1.5
    assert graph.SerializeToString() == before  # shared by all files
    return {path.stem: path for path in folder.iterdir()}


@pytest.mark.parametrize("precision", ["fp32", "fp16-weights", "fp16"])
@pytest.mark.parametrize("shape", [(1, 16, 16), (1, 19, 33), (3, 40, 18)])
def test_file_follows_the_contract_and_matches_the_network(files, net, precision, shape):
    session = ort.InferenceSession(files[precision], providers=["CPUExecutionProvider"])
    (given,), (gives,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, gives.name, gives.type) == (
        "frame",
        "tensor(uint8)",
        "styled",
        "tensor(uint8)",
    )
    photo = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    got = session.run(None, {"frame": photo})[0]
    with torch.inference_mode():
        wanted = Frame(net)(torch.from_numpy(photo)).numpy()
    assert got.shape == photo.shape
    assert np.abs(got.astype(int) - wanted).max() <= {"fp32": 1, "fp16-weights": 8, "fp16": 24}[precision]
    assert wanted.std() > 2  # a flat picture would agree with anything


def test_metadata(files):
    told = {entry.key: entry.value for entry in onnx.load(files["fp16-weights"]).metadata_props}
    assert told["name"] == "test"
    assert told["precision"] == "fp16-weights"
    assert json.loads(told["trained_with"]) == {"steps": 5}
    assert {"artist", "title", "year", "license", "network", "version", "style_sha256"} <= told.keys()


def test_half_weights_are_half_the_size_and_keep_their_names(files):
    from fststyle.train.style.init_weights import read_initial_weights

    a, b = read_initial_weights(str(files["fp32"])), read_initial_weights(str(files["fp16-weights"]))
    assert a.keys() == b.keys()
    assert all(torch.allclose(a[k], b[k], atol=1e-3) for k in a)
    assert files["fp16-weights"].stat().st_size < 0.8 * files["fp32"].stat().st_size


def test_no_path_of_this_machine_is_in_the_file(files):
    assert b"/fststyle/" not in files["fp32"].read_bytes()
    assert b".py" not in files["fp32"].read_bytes()


def test_graph_with_another_result_is_refused(net, files):
    other = build("johnson", {"width": 4, "blocks": 2}).eval()
    with pytest.raises(ExportError, match="differs from the network"):
        check_parity(Frame(other), files["fp32"].read_bytes(), "fp32")


def test_nothing_is_written_when_the_check_fails(net, graph, tmp_path, monkeypatch):
    import fststyle.export.style as style

    def fail(*_):
        raise ExportError("differs")

    monkeypatch.setattr(style, "check_parity", fail)
    path = tmp_path / "a.onnx"
    path.write_bytes(b"older")
    with pytest.raises(ExportError):
        export_module(net, CARD, path, graph=graph)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_unwritable(net, graph, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        export_module(net, CARD, tmp_path / "file" / "a.onnx", graph=graph)
