"""The live network."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

import onnx  # noqa: E402
import onnxruntime as ort  # noqa: E402
from onnx import numpy_helper  # noqa: E402

from fststyle.errors import CheckpointError, ExportError, StyleError  # noqa: E402
from fststyle.export.folded import FoldedFrame  # noqa: E402
from fststyle.export.parity import PSNR  # noqa: E402
from fststyle.export.settings import PRECISIONS  # noqa: E402
from fststyle.export.style import Card, export_module, traced  # noqa: E402
from fststyle.runtime.blend import interpolate  # noqa: E402
from fststyle.runtime.style import load_style  # noqa: E402
from fststyle.runtime.weights import PREFIX, learned  # noqa: E402
from fststyle.train.networks import build  # noqa: E402
from fststyle.train.networks.live import PERIOD, ConvNorm, Live, Noise, fold, unfold  # noqa: E402
from fststyle.train.style.init_weights import load_initial_weights, read_initial_weights  # noqa: E402
from tests.styles import photo  # noqa: E402

SMALL = {"width": 8, "blocks": 1}


def trained(seed: int = 0, noise: float = 0.1) -> Live:
    """A network with random parameters, as after training: no parameter is 0 or 1, and all differ."""
    torch.manual_seed(seed)
    net = build("live", SMALL)
    for value in net.state_dict().values():
        value.add_(torch.randn_like(value) * noise)
    return net.eval()


def without_norms(net: Live) -> Live:
    """Without instance norm, whose result depends on the whole image."""
    for module in net.modules():
        if isinstance(module, ConvNorm):
            module.norm = torch.nn.Identity()
    return net


def without_noise(net: Live) -> Live:
    """Without noise, which depends on the position."""
    for module in net.modules():
        if isinstance(module, Noise):
            torch.nn.init.zeros_(module.project.weight)
    return net


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    net, folder = trained(noise=0.03), tmp_path_factory.mktemp("live")
    photos, card, graph = (
        [photo(64, 80, seed) for seed in range(6)],
        Card(name="t", network="live"),
        traced(net),
    )
    parity = {
        kind: export_module(net, card, folder / f"{kind}.onnx", kind, photos, graph) for kind in PRECISIONS
    }
    return net, folder, parity


def test_fold_takes_pixels_in_the_order_of_bytes():
    x = torch.arange(2 * 3 * 8 * 12).view(2, 3, 8, 12)
    folded = fold(x)
    assert folded.shape == (2, 48, 2, 3)
    # channel = (row * 4 + column) * 3 + color
    assert folded[1, (2 * 4 + 3) * 3 + 1, 1, 2] == x[1, 1, 4 + 2, 8 + 3]
    assert torch.equal(unfold(folded), x)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (32, 48)])
def test_output_has_the_size_of_the_input(height, width):
    assert trained()(torch.zeros(2, 3, height, width)).shape == (2, 3, height, width)


def test_result_is_shift_equivariant_away_from_the_border():
    """For shifts by multiples of the stride, the output away from the border depends on the position only
    through instance norm.
    """
    net = without_noise(without_norms(trained()))
    x = torch.rand(1, 3, 448, 448) * 2 - 1
    whole, part = net(x), net(x[:, :, 16:, 16:])
    assert torch.allclose(whole[:, :, 224:240, 224:240], part[:, :, 208:224, 208:224], atol=1e-4)


def test_noise_is_constant_and_periodic():
    net = without_norms(trained())
    plain = torch.full((1, 3, 64, 64 + PERIOD), 0.3)
    painted = net(plain)
    assert torch.equal(painted, net(plain))
    assert painted.std((2, 3)).min() > 1e-3
    inside = painted[:, :, 24:40]
    torch.testing.assert_close(
        inside[..., 200:216],
        net(torch.full((1, 3, 64, 1024), 0.3))[:, :, 24:40, 200 + PERIOD : 216 + PERIOD],
        atol=1e-4,
        rtol=0,
    )


def test_noise_starts_at_another_place_in_each_training_step():
    net = trained().train()
    x = torch.rand(1, 3, 32, 32)
    assert not torch.equal(net(x), net(x))


def test_uniform_image_stays_uniform_up_to_the_border():
    """The network cannot detect the border, so it cannot stylize it differently."""
    # Instance norm would amplify rounding errors of a uniform image.
    painted = without_noise(without_norms(trained()))(torch.full((1, 3, 64, 64), 0.3))
    squares = fold(painted)
    assert torch.allclose(squares, squares[:, :, 8:9, 8:9].expand_as(squares), atol=1e-3)


def test_constrained_head_has_no_grid_on_uniform_regions():
    net = without_noise(without_norms(trained()))
    plain = torch.full((1, 3, 64, 64), 0.3)
    assert net(plain).std((2, 3)).max() > 1e-2
    net.constrain()
    assert net(plain).std((2, 3)).max() < 1e-4
    weight = net.head.weight.detach().clone()
    net.constrain()
    assert torch.allclose(net.head.weight, weight, atol=1e-6)


@pytest.mark.parametrize("kind", PRECISIONS)
@pytest.mark.parametrize("shape", [(1, 16, 16), (2, 49, 79), (1, 41, 26)])
def test_file_follows_the_contract_and_matches_the_network(files, kind, shape):
    net, folder, parity = files
    session = ort.InferenceSession(folder / f"{kind}.onnx", providers=["CPUExecutionProvider"])
    frame = np.stack([photo(*shape[1:], seed) for seed in range(shape[0])])
    got = session.run(["styled"], {"frame": frame})[0]
    with torch.inference_mode():
        wanted = FoldedFrame(net)(torch.from_numpy(frame)).numpy()
    assert got.shape == frame.shape
    assert wanted.std() > 2
    difference = np.abs(got.astype(int) - wanted)
    assert (
        difference.mean()
        < {"fp32": 0.05, "fp16-weights": 0.4, "fp16": 1.5, "int8-weights": 8, "int8": 12}[kind]
    )  # images this small have hardly any statistics
    if kind in PSNR:
        assert parity[kind]["psnr"] > PSNR[kind]


def test_int8_weights_equal_the_int8_file_and_can_be_trained_from_and_mixed(files):
    _, folder, _ = files
    small, integers = (
        {
            tensor.name: numpy_helper.to_array(tensor)
            for tensor in onnx.load(folder / f"{kind}.onnx").graph.initializer
        }
        for kind in ("int8-weights", "int8")
    )
    kernels = [name for name in small if small[name].dtype == np.int8 and name.startswith(PREFIX)]
    assert len(kernels) > 5
    assert all(np.array_equal(small[name], integers[f"{name}_quantized"]) for name in kernels)
    whole, weights = (read_initial_weights(str(folder / f"{kind}.onnx")) for kind in ("fp32", "int8-weights"))
    assert whole.keys() == weights.keys()
    # Rounded to half a step of the 64 up to the largest.
    assert all((whole[name] - weights[name]).abs().max() <= whole[name].abs().max() / 120 for name in whole)
    assert read_initial_weights(str(folder / "fp16-weights.onnx")).keys() == whole.keys()
    mixed = interpolate(
        [
            ((folder / "int8-weights.onnx").read_bytes(), 0.25),
            ((folder / "fp16-weights.onnx").read_bytes(), 0.75),
        ],
        ["a", "b"],
    )
    for name, weight in learned(onnx.load_from_string(mixed)).items():
        name = name.removeprefix(PREFIX)
        torch.testing.assert_close(
            torch.from_numpy(weight), whole[name] + 0.25 * (weights[name] - whole[name]), atol=1e-3, rtol=1e-3
        )
    ort.InferenceSession(mixed, providers=["CPUExecutionProvider"]).run(
        ["styled"], {"frame": photo(24, 24)[None]}
    )


def test_int8_file_is_refused_for_training_and_mixing(files):
    _, folder, _ = files
    with pytest.raises(CheckpointError, match="contains no usable initial weights"):
        read_initial_weights(str(folder / "int8.onnx"))
    integers = (folder / "int8.onnx").read_bytes()
    with pytest.raises(StyleError, match="float files of the same network"):
        interpolate([(integers, 0.5), (integers, 0.5)], ["a", "b"])


def test_missing_file_of_initial_weights_is_reported_as_missing(tmp_path):
    with pytest.raises(StyleError, match=r"none\.onnx: no such file"):
        read_initial_weights(str(tmp_path / "none.onnx"))


def test_folded_frame_equals_the_network_up_to_half_a_level():
    net, frame = trained(noise=0.03), photo(32, 48)
    with torch.inference_mode():
        framed = FoldedFrame(net)(torch.from_numpy(frame[None])).numpy()[0]
        x = (torch.from_numpy(frame).permute(2, 0, 1)[None].float() - 128) / 127.5
        plain = (net(x)[0].permute(1, 2, 0) * 127.5 + 128).clamp(0, 255).numpy()
    assert np.abs(framed - plain).max() <= 0.51


def test_int8_computes_its_convolutions_in_integers(files):
    _, folder, _ = files
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    options.log_severity_level = 3
    ort.InferenceSession(folder / "int8.onnx", options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(folder / "optimized.onnx").graph.node]
    assert kinds.count("QLinearConv") >= 8  # of nine; with random weights one may not fit


def test_uniform_region_stays_uniform_in_int8(tmp_path):
    net = without_noise(trained(noise=0.03))
    net.constrain()
    photos = [photo(64, 80, seed) for seed in range(6)]
    export_module(net, Card(name="t", network="live"), tmp_path / "int8.onnx", "int8", photos)
    session = ort.InferenceSession(tmp_path / "int8.onnx", providers=["CPUExecutionProvider"])
    for color in (20, 120, 230):
        painted = session.run(["styled"], {"frame": np.full((1, 48, 48, 3), color, np.uint8)})[0]
        assert painted.std((1, 2)).max() == 0


def test_int8_is_refused_without_photos_and_for_other_networks(files, tmp_path):
    with pytest.raises(ExportError, match="photos"):
        export_module(trained(), Card(name="t", network="live"), tmp_path / "a.onnx", "int8")
    with pytest.raises(ExportError, match="live"):
        export_module(
            build("johnson", {"width": 2, "blocks": 0}),
            Card(name="t", network="johnson"),
            tmp_path / "a.onnx",
            "int8",
            [photo(32, 32)] * 2,
        )
    assert not list(tmp_path.iterdir())


def test_weights_are_read_from_a_style_file(files):
    net, folder, _ = files
    other = build("live", SMALL)
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    load_initial_weights(other, str(folder / "fp32.onnx"))
    assert torch.allclose(other.eval()(x), net(x), atol=1e-3)


def test_weights_of_another_network_do_not_fit(files):
    _, folder, _ = files
    with pytest.raises(CheckpointError, match="do not match"):
        load_initial_weights(build("live", {"width": 4, "blocks": 1}), str(folder / "fp32.onnx"))


def test_mean_of_two_live_files_is_a_working_network(files, tmp_path, monkeypatch):
    _, folder, _ = files
    export_module(trained(1), Card(name="u", network="live"), tmp_path / "other.onnx")
    mixed = load_style(f"{folder / 'fp32.onnx'}:1,{tmp_path / 'other.onnx'}:0.00001", "cpu")
    alone = load_style(folder / "fp32.onnx", "cpu")
    frame = photo(40, 48)
    assert np.abs(mixed(frame).astype(int) - alone(frame)).max() <= 2


def test_training_a_live_network_resumes_exactly(train, tmp_path):
    from fststyle.train import checkpoint, loop

    options = {"network": "live", "width": 4, "blocks": 0, "size": 64, "steps": 6, "save_every": 1}
    whole = checkpoint.load(train(output=tmp_path / "whole", **options).checkpoint)

    def stop(progress: loop.Progress) -> None:
        if progress.step == 3:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(loop.Interrupted):
        train(output=tmp_path / "parts", on_progress=stop, **options)
    parts = checkpoint.load(train(output=tmp_path / "parts", resume=True, **options).checkpoint)
    assert whole["model"].keys() == parts["model"].keys()
    assert all(torch.equal(whole["model"][name], parts["model"][name]) for name in whole["model"])
