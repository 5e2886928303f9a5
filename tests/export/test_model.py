"""Export of networks other than styles. The batch size of the file does not depend on that of the trace."""

import numpy as np
import onnxruntime as ort
import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.export.model import FrameInput, export_model  # noqa: E402
from fststyle.train.networks import build  # noqa: E402
from fststyle.train.networks.vae import Encoder  # noqa: E402


@pytest.mark.parametrize("rows", [1, 2])
def test_batch_size_is_dynamic(capfd, rows):
    net = Encoder(
        build("vae", {"side": 28, "channels": 3, "latent": 2, "width": 2, "likelihood": "gaussian"})
    )
    frames = np.random.default_rng(0).integers(0, 256, (5, 28, 28, 3), dtype=np.uint8)
    content, _ = export_model(
        FrameInput(net, 3),
        torch.from_numpy(frames[:rows]),
        ["latent", "deviation"],
        {"kind": "vae-encoder"},
    )
    assert capfd.readouterr() == ("", "")
    session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
    for count in (1, 2, 5):
        latent, deviation = session.run(["latent", "deviation"], {"frame": frames[:count]})
        assert (latent.shape, deviation.shape) == ((count, 2), (count, 2))
