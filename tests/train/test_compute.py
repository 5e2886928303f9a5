"""Choice of device and precision."""

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.errors import DeviceError, InputError  # noqa: E402
from fststyle.train import compute  # noqa: E402


def test_auto_selects_the_best_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert compute.choose_device("auto").type == "mps"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert compute.choose_device("auto").type == "cpu"


def test_requested_device_is_never_replaced(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="--device cuda"):
        compute.choose_device("cuda")


def test_bfloat16_only_where_the_processor_has_it(monkeypatch):
    cpu = torch.device("cpu")
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    for there in (True, False):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda there=there: there)
        with compute.computing("cpu", "auto", 1) as chosen:
            assert chosen.bfloat16 is there
        assert compute.has_fast_bfloat16(cpu) is there
    with compute.computing("cpu", "bfloat16", 1) as chosen:
        assert chosen.bfloat16


def test_several_processes_without_a_batch_to_split_are_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="torchrun"), compute.computing("cpu", "auto", None):
        pass
    monkeypatch.delenv("WORLD_SIZE")
    with compute.computing("cpu", "auto", None) as chosen:
        assert chosen.world == 1


def test_batch_must_divide_evenly(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="multiple of 2"), compute.computing("cpu", "auto", 3):
        pass
