import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import fststyle
from fststyle.errors import DependencyError, DeviceError, InputError, StyleError
from fststyle.runtime import devices
from fststyle.runtime.session import run
from fststyle.runtime.style import Style, load_style
from tests import styles


def test_stylizes_frames_and_batches(style_folder: Path) -> None:
    style = load_style("invert", "cpu")
    frame = styles.photo(17, 31)
    np.testing.assert_array_equal(style(frame), 255 - frame)
    batch = np.stack([frame, frame[::-1]])
    np.testing.assert_array_equal(style(batch), 255 - batch)
    assert (style.name, style.device, style.provider) == ("invert", "cpu", "CPUExecutionProvider")
    assert style.metadata["artist"] == "Nobody"


def test_takes_views_that_are_not_contiguous(style_folder: Path) -> None:
    style = load_style("invert", "cpu", threads=1)
    frame = styles.photo(40, 60)[::2, ::-1]
    np.testing.assert_array_equal(style(frame), 255 - frame)


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (np.zeros((15, 16, 3), np.uint8), "16x15 pixels is too small"),
        (np.zeros((2, 16, 15, 3), np.uint8), "too small"),
        (np.zeros((16, 16, 3), np.float32), "float32"),
        (np.zeros((16, 16), np.uint8), "uint8 array"),
        (np.zeros((16, 16, 4), np.uint8), "uint8 array"),
        (np.zeros((0, 16, 16, 3), np.uint8), "no frames"),
        ("photo.jpg", "not str"),
    ],
)
def test_refuses_other_frames(style_folder: Path, frame: object, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        load_style("invert", "cpu")(frame)  # type: ignore[arg-type]


def _identity(**changes: object) -> bytes:
    given, made = changes.get("given", "frame"), changes.get("made", "styled")
    return styles.model([helper.make_node("Identity", [given], [made])], **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "cannot be used"),
        (b"no model at all", "cannot be used"),
        (styles.inverting()[:100], "cannot be used"),
        (_identity(given="image"), "one input, frame, but has image"),
        (_identity(made="out"), "one output, styled, but has out"),
        (_identity(kind=TensorProto.FLOAT), "not uint8"),
        (_identity(shape=("N", "H", "W")), "3 dimensions"),
        (_identity(shape=("N", 3, "H", "W")), "must be dynamic"),
        (_identity(shape=("N", "H", "W", 4)), "4 channels"),
        (_identity(shape=(1, 480, 640, 3)), "must be dynamic"),
    ],
)
def test_models_without_the_contract_are_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(StyleError, match=f"bad .*{problem}"):
        load_style(path, "cpu")


def test_weights_in_other_files_are_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.bin").write_bytes(b"\0" * 12)
    for location in ("secret.bin", "/etc/passwd", "../secret.bin", str(tmp_path / "secret.bin")):
        nodes = [
            helper.make_node("Cast", ["w"], ["b"], to=TensorProto.UINT8),
            helper.make_node("Sub", ["b", "frame"], ["styled"]),
        ]
        loaded = onnx.load_model_from_string(styles.model(nodes, {"w": np.zeros(3, np.float32)}))
        tensor = loaded.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", location
        path = tmp_path / "external.onnx"
        path.write_bytes(loaded.SerializeToString())
        with pytest.raises(StyleError):
            load_style(path, "cpu")


def test_output_of_another_shape() -> None:
    half = [helper.make_node("Slice", ["frame", "from", "to", "axes"], ["styled"])]
    parts = {"from": np.array([0]), "to": np.array([8]), "axes": np.array([1])}
    with pytest.raises(StyleError, match="its output has shape"):
        Style("half", styles.model(half, parts), "cpu")(styles.photo(20, 20))


@pytest.mark.parametrize("device", ["gpu", "", "gpu:0", "CUDA"])
def test_unknown_device(style_folder: Path, device: str) -> None:
    with pytest.raises(DeviceError, match=r"is not a device; use .*\(cuda, .*dml accept an index"):
        load_style("invert", device)


@pytest.mark.parametrize(
    ("device", "problem"),
    [
        ("cpu:1", "cpu does not accept an index; only cuda, .*dml do"),
        ("auto:0", "auto does not accept an index"),
        ("cuda:x", "the index of the device, 'x', is not a number"),
    ],
)
def test_invalid_index_of_a_device(style_folder: Path, device: str, problem: str) -> None:
    with pytest.raises(DeviceError, match=problem):
        load_style("invert", device)


@pytest.mark.parametrize("device", sorted(set(devices.PROVIDERS) - {"cpu"}))
def test_unavailable_device_says_what_to_install(style_folder: Path, device: str) -> None:
    if devices.available()[device]:
        pytest.skip(f"{device} is here")
    with pytest.raises(DeviceError, match=rf"{device} is not available.*{device} (needs|is)"):
        load_style("invert", device)


def test_auto_without_a_gpu_is_the_cpu(style_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "nvidia_cards", lambda: 0)
    assert load_style("invert").device == "cpu"


def test_auto_falls_back_where_cuda_does_not_work(
    style_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if devices.nvidia_cards():
        pytest.skip("there is a card here, which may work")
    monkeypatch.setattr(devices, "nvidia_cards", lambda: 1)
    assert load_style("invert").device == "cpu"
    if devices.available()["cuda"]:
        with pytest.raises(DeviceError, match="cannot be used"):
            load_style("invert", "cuda")


@pytest.mark.parametrize(("style", "strength"), [("invert:0.5,norm:0.5", 1.0), ("dark", 0.5)])
def test_without_onnx_a_mixture_or_another_strength_names_the_package(
    family: str, monkeypatch: pytest.MonkeyPatch, style: str, strength: float
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(DependencyError, match="needs onnx: pip install onnx"):
        load_style(style, "cpu", strength=strength)


def test_threads(style_folder: Path) -> None:
    with pytest.raises(InputError, match="threads"):
        load_style("invert", threads=0)


def test_threads_do_not_spin_between_frames() -> None:
    """They would ask for work for a long time: two threads, 50 ms of the processor in a pause of 50 ms."""
    style, frame, spent = load_style("great-wave", "cpu", threads=2), styles.photo(64, 64), []
    for _ in range(5):
        style(frame)
        before = time.process_time()
        time.sleep(0.05)
        spent.append(time.process_time() - before)
    assert min(spent) < 0.02


def test_onnxruntime_prints_nothing(style_folder: Path) -> None:
    code = (
        "import numpy as np, fststyle; fststyle.load_style('invert')(np.zeros((16, 16, 3), np.uint8)); import"
        " sys; sys.stderr.write('heard')"
    )
    home = Path(fststyle.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=home, check=True
    )
    assert (done.stdout, done.stderr) == ("", "heard")


def test_import_works_without_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices.os, "dup", lambda fd: (_ for _ in ()).throw(OSError()))
    with devices._silent_stderr():
        io.StringIO().write("still runs")


def test_precision_is_chosen_by_device_and_file(style_folder, tmp_path, monkeypatch):
    """The int8 file is replaced by another style, so that the output shows which file is loaded."""
    import hashlib
    import json

    from fststyle import catalogue

    folder = tmp_path / "shipped"
    folder.mkdir()
    item = {"name": "both", "file": "both.onnx", "int8": {"file": "both-int8.onnx"}}
    for content, place, file in (
        (styles.inverting(), item, "both.onnx"),
        (styles.network(), item["int8"], "both-int8.onnx"),
    ):
        (folder / file).write_bytes(content)
        place["sha256"] = hashlib.sha256(content).hexdigest()
    (folder / "catalogue.json").write_text(json.dumps([item]))
    monkeypatch.setattr(catalogue, "SHIPPED", folder)
    frame = styles.photo(32, 32)

    def inverts(**settings) -> bool:
        return bool((load_style("both", **settings)(frame) == 255 - frame).all())

    assert not inverts(device="cpu")
    assert not inverts(device="cpu", precision="int8")
    assert inverts(device="cpu", precision="float")
    monkeypatch.setattr("fststyle.runtime.devices.available", lambda: {"cuda": False})
    assert not inverts()
    with pytest.raises(StyleError, match="int8"):
        load_style("invert", "cpu", precision="int8")
    for wrong in ({"precision": "int4"}, {"precision": "int8", "strength": 0.5}):
        with pytest.raises(InputError):
            load_style("both", "cpu", **wrong)
    with pytest.raises(InputError, match="mixture"):
        load_style("both,invert", "cpu", precision="int8")


def test_ctrl_c_does_not_wait_for_a_large_picture():
    class Slow:
        def run(self, outputs, feeds, options=None):
            ends = time.monotonic() + 30
            while not options.terminate and time.monotonic() < ends:
                time.sleep(0.01)
            self.stopped = options.terminate

    slow = Slow()
    alarm = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    alarm.start()
    with pytest.raises(KeyboardInterrupt):
        run(slow, {"frame": np.zeros((1, 700, 700, 3), np.uint8)}, "slow")
    assert slow.stopped


def test_interruptible_run_gives_the_same_result(style_folder):
    frame = styles.photo(600, 700)
    np.testing.assert_array_equal(load_style("invert", "cpu")(frame), 255 - frame)
    with pytest.raises(StyleError, match="failed to run"):
        run(load_style("invert", "cpu")._session, {"frame": frame.astype(np.float32)[None]}, "invert")
