"""Style files whose tensors are in another file next to them."""

import hashlib
import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from fststyle import catalogue, load_style
from fststyle.errors import StyleError
from fststyle.external_data import MIN_SHARED_BYTES, is_shared, resolve, share_weights
from tests import styles

WEIGHT = np.random.default_rng(0).integers(0, 9, (1, 20, 30, 3), np.uint8)
FRAME = np.random.default_rng(1).integers(0, 200, (20, 30, 3), np.uint8)


def adding(weight: np.ndarray = WEIGHT) -> bytes:
    """A style that adds a field of the size of `FRAME`."""
    return styles.model([helper.make_node("Add", ["frame", "field"], ["styled"])], {"field": weight})


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """own-int8.onnx, which refers to own.onnx next to it."""
    (tmp_path / "own.onnx").write_bytes(adding())
    path = tmp_path / "own-int8.onnx"
    path.write_bytes(share_weights(adding(), tmp_path / "own.onnx"))
    return path


def change(path: Path, **entries: str | None) -> None:
    model = onnx.load(path, load_external_data=False)
    for entry in list(model.graph.initializer[0].external_data):
        if entry.key in entries:
            value = entries[entry.key]
            if value is None:
                model.graph.initializer[0].external_data.remove(entry)
            else:
                entry.value = value
    path.write_bytes(model.SerializeToString())


def test_shared_tensor_is_stored_once_and_restored_to_the_same_bytes(pair: Path) -> None:
    content = pair.read_bytes()
    assert is_shared(content)
    assert not is_shared(adding())
    assert len(content) < len(adding()) - WEIGHT.nbytes + 250
    assert resolve(content, pair) == adding()
    assert resolve(adding(), pair) == adding()


def test_it_is_loaded_by_name_by_path_and_by_onnx_runtime(
    pair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FSTSTYLE_STYLES", str(pair.parent))
    for style in (load_style("own", "cpu", precision="int8"), load_style(pair, "cpu")):
        np.testing.assert_array_equal(style(FRAME), FRAME + WEIGHT[0])
        assert not is_shared(style.model)
    session = onnxruntime.InferenceSession(pair, providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(session.run(None, {"frame": FRAME[None]})[0][0], FRAME + WEIGHT[0])


def test_small_and_different_tensors_stay_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(adding())
    different = adding(WEIGHT + 1)
    assert share_weights(different, tmp_path / "a.onnx") == different
    (tmp_path / "a.onnx").write_bytes(styles.inverting() + bytes(MIN_SHARED_BYTES))
    assert share_weights(styles.inverting(), tmp_path / "a.onnx") == styles.inverting()


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"location": "../own.onnx"}, "not an .onnx file in the same folder"),
        ({"location": "..\\own.onnx"}, "not an .onnx file in the same folder"),
        ({"location": "/etc/passwd"}, "not an .onnx file in the same folder"),
        ({"location": "notes.txt"}, "not an .onnx file in the same folder"),
        ({"location": None}, "cannot be used"),
        ({"location": "other.onnx"}, "its weights are in other.onnx"),
        ({"checksum": "0" * 40}, "different version"),
        ({"checksum": None}, "different version"),
        ({"length": "10"}, "damaged"),
        ({"length": None}, "damaged"),
        ({"offset": "-1800"}, "damaged"),
        ({"offset": "1000000"}, "damaged"),
        ({"offset": "x"}, "damaged"),
    ],
)
def test_wrong_reference_is_refused(pair: Path, entries: dict[str, str | None], told: str) -> None:
    (pair.parent.parent / "own.onnx").write_bytes(adding())
    change(pair, **entries)
    with pytest.raises(StyleError, match=told):
        load_style(pair, "cpu")


def test_float_file_that_changed_is_refused(pair: Path) -> None:
    (pair.parent / "own.onnx").write_bytes(adding(WEIGHT + 1))
    with pytest.raises(StyleError, match=r"different version of own\.onnx"):
        load_style(pair, "cpu")
    (pair.parent / "own.onnx").unlink()
    with pytest.raises(StyleError, match=r"its weights are in own\.onnx"):
        load_style(pair, "cpu")
    os.mkfifo(pair.parent / "own.onnx")
    with pytest.raises(StyleError, match=r"its weights are in own\.onnx"):
        load_style(pair, "cpu")


def test_damaged_file_is_refused(pair: Path) -> None:
    pair.write_bytes(pair.read_bytes()[:-40])
    with pytest.raises(StyleError):
        load_style(pair, "cpu")


@pytest.mark.parametrize(
    "name", [entry.name for entry in catalogue._shipped(catalogue.SHIPPED) if entry.int8]
)
def test_shipped_int8_file_shares_all_kernels_but_the_last(name: str) -> None:
    entry = catalogue.find(name)
    assert entry.int8 is not None
    assert entry.int8.size < 0.2 * entry.size
    content = entry.int8.path.read_bytes()
    whole = catalogue.load(entry.int8)
    assert share_weights(whole, entry.path) == content
    floats, integers = (
        {
            tensor.name: numpy_helper.to_array(tensor)
            for tensor in onnx.load_from_string(model).graph.initializer
        }
        for model in (entry.path.read_bytes(), whole)
    )
    kernels = [kernel for kernel in floats if floats[kernel].dtype == np.int8 and floats[kernel].ndim == 4]
    assert len(kernels) >= 10
    for kernel in kernels:
        if kernel.startswith("net.") and f"{kernel}_quantized" in integers:
            np.testing.assert_array_equal(integers[f"{kernel}_quantized"], floats[kernel])
    own = {
        tensor.name
        for tensor in onnx.load_from_string(content).graph.initializer
        if tensor.data_location != onnx.TensorProto.EXTERNAL and len(tensor.raw_data) > 2000
    }
    assert own == {"net.head.weight_quantized"}
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    frame = styles.photo(48, 64)[None]
    by_path, by_content = (
        onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]).run(
            None, {"frame": frame}
        )[0]
        for model in (entry.int8.path, whole)
    )
    np.testing.assert_array_equal(by_path, by_content)
    told = {
        item.value
        for tensor in onnx.load_from_string(content).graph.initializer
        for item in tensor.external_data
        if item.key == "checksum"
    }
    assert told == {hashlib.sha1(entry.path.read_bytes()).hexdigest()}
