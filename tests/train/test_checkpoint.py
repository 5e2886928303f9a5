"""Checkpoints of other programs, damaged ones and malicious ones."""

import os
import pickle
import signal
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.errors import CheckpointError, OutputError  # noqa: E402
from fststyle.train import checkpoint  # noqa: E402
from fststyle.train.networks import build  # noqa: E402


def content() -> dict:
    net = build("johnson", {"width": 2, "blocks": 0})
    return {
        "kind": "style",
        "network": "johnson",
        "network_settings": {"width": 2, "blocks": 0},
        "model": net.state_dict(),
        "step": 3,
        "settings": {},
    }


def test_round_trip(tmp_path):
    path = tmp_path / "deep" / "a.pt"
    checkpoint.save(path, content())
    loaded = checkpoint.load(path)
    assert loaded["step"] == 3
    checkpoint.restore(loaded, path)
    assert os.listdir(path.parent) == ["a.pt"]


def test_critic_of_former_checkpoints_is_the_discriminator(tmp_path):
    path = tmp_path / "a.pt"
    weights = {"back_critic.a": torch.ones(1), "generator.critic.a": torch.zeros(1)}
    checkpoint.save(
        path, {**content(), "optimizer": {"generator": {}, "critic": {"a": 1}}, "weights": weights}
    )
    loaded = checkpoint.load(path)
    assert loaded["optimizer"] == {"generator": {}, "discriminator": {"a": 1}}
    assert list(loaded["weights"]) == ["back_discriminator.a", "generator.critic.a"]


def test_ctrl_c_while_writing_takes_effect_afterwards(tmp_path, monkeypatch):
    write = torch.save

    def interrupted(*args):
        signal.raise_signal(signal.SIGINT)
        write(*args)

    monkeypatch.setattr(torch, "save", interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(tmp_path / "a.pt", content())
    assert checkpoint.load(tmp_path / "a.pt")["step"] == 3
    assert signal.getsignal(signal.SIGINT) is before


class Hostile:
    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return (os.mkdir, (str(self.marker),))


@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_code_in_a_checkpoint_does_not_run(tmp_path, writer):
    path, marker = tmp_path / "evil.pt", tmp_path / "ran"
    if writer == "torch":
        torch.save({**content(), "format": checkpoint.FORMAT, "extra": Hostile(marker)}, path)
    else:
        path.write_bytes(pickle.dumps(Hostile(marker)))
    with pytest.raises(CheckpointError):
        checkpoint.load(path)
    assert not marker.exists()


@pytest.mark.parametrize("damage", [b"", b"text", b"PK\x03\x04 broken"])
def test_damaged(tmp_path, damage):
    path = tmp_path / "a.pt"
    path.write_bytes(damage)
    with pytest.raises(CheckpointError, match=r"a\.pt"):
        checkpoint.load(path)


def test_cut_off(tmp_path):
    path = tmp_path / "a.pt"
    checkpoint.save(path, content())
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(CheckpointError):
        checkpoint.load(path)


def test_other_files_and_kinds_are_refused(tmp_path):
    path = tmp_path / "a.pt"
    torch.save({"model": {}}, path)
    with pytest.raises(CheckpointError, match="not an fststyle checkpoint"):
        checkpoint.load(path)
    checkpoint.save(path, {**content(), "kind": "gan"})
    with pytest.raises(CheckpointError, match="kind gan"):
        checkpoint.load(path)
    with pytest.raises(CheckpointError, match="no such"):
        checkpoint.load(tmp_path / "none.pt")


@pytest.mark.parametrize(
    "change",
    [
        {"network": "other"},
        {"network_settings": {"width": 3, "blocks": 0}},
        {"network_settings": {"color": 1}},
        {"model": {}},
        {"model": {**content()["model"], "more": torch.zeros(1)}},
        {"model": {**content()["model"], "head.conv.bias": torch.tensor([0.0, float("nan"), 0.0])}},
    ],
)
def test_weights_that_do_not_fit(tmp_path, change):
    with pytest.raises(CheckpointError):
        checkpoint.restore({**content(), **change}, tmp_path / "a.pt")


def test_failed_write_keeps_the_older_checkpoint(tmp_path):
    path = tmp_path / "a.pt"
    checkpoint.save(path, content())
    before = path.read_bytes()
    with pytest.raises(AttributeError):
        checkpoint.save(path, {**content(), "bad": lambda: None})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.pt"]
    (tmp_path / "folder.pt").mkdir()
    with pytest.raises(OutputError):
        checkpoint.save(tmp_path / "folder.pt", content())


def test_live_network_from_before_the_coarse_blocks_is_restored(tmp_path):
    torch.manual_seed(0)
    net = build("live", {"width": 4, "blocks": 1, "coarse_blocks": 0})
    content = {
        "kind": "style",
        "network": "live",
        "network_settings": {"width": 4, "blocks": 1},
        "model": net.state_dict(),
        "step": 3,
        "settings": {},
    }
    checkpoint.save(tmp_path / "old.pt", content)
    restored = checkpoint.restore(checkpoint.load(tmp_path / "old.pt"), tmp_path / "old.pt")
    x = torch.rand(1, 3, 24, 40)
    torch.testing.assert_close(restored(x), net(x))
