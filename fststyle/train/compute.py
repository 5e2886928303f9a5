"""Where and how to compute: the device, the arithmetic, and the processes that share a training."""

import contextlib
import gc
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fststyle.errors import DeviceError, InputError


@dataclass(frozen=True)
class Compute:
    """What one process trains on. `rank` 0 is the one that writes files and reports."""

    device: torch.device
    bfloat16: bool
    rank: int = 0
    world: int = 1

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def autocast(self) -> Any:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bfloat16)

    def place(self, value: Any) -> Any:
        """A module or an image batch on the device, with the channels last: 10 to 15 % faster on CPUs, more
        on tensor cores.

        Not on Apple's: batch norm's backward pass is wrong there, or fails, with the channels last.
        """
        if self.device.type == "mps" or (isinstance(value, Tensor) and value.ndim != 4):
            return value.to(self.device)
        return value.to(self.device, memory_format=torch.channels_last)

    def share(self, net: nn.Module) -> nn.Module:
        """Average the gradients over all processes (DistributedDataParallel); alone, the network itself."""
        if self.world == 1:
            return net
        return nn.parallel.DistributedDataParallel(
            net, device_ids=[self.device.index] if self.device.type == "cuda" else None
        )

    def any(self, flag: bool) -> bool:
        """True on every process as soon as it is true on one: they must leave the loop at the same step."""
        if self.world == 1:
            return flag
        shared = torch.tensor(float(flag), device=self.device)
        torch.distributed.all_reduce(shared, torch.distributed.ReduceOp.MAX)
        return bool(shared.item())

    def from_first(self, value: float) -> float:
        """The `value` of the first process, on every process."""
        if self.world == 1:
            return value
        shared = torch.tensor(value, device=self.device)
        torch.distributed.broadcast(shared, 0)
        return float(shared.item())


def choose_device(name: str) -> torch.device:
    """auto, cpu, cuda or mps -> a device that is there.

    Raises:
        DeviceError: the device asked for is not there; only auto falls back to the CPU.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, usable in there.items() if usable)
    if not there[name]:
        built = torch.backends.cuda.is_built() if name == "cuda" else torch.backends.mps.is_built()
        reason = (
            "no usable device was found"
            if built
            else f"the installed torch {torch.__version__} is built without it"
        )
        raise DeviceError(f"--device {name}: {reason}")
    return torch.device(name)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 pays: CPUs without AVX512_BF16 or AMX emulate it, twenty times slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


@contextlib.contextmanager
def computing(device: str, precision: str, batch: int) -> Iterator[Compute]:
    """The `Compute` of this process; under torchrun one of several, each with its share of the batch.

    Raises:
        DeviceError: see `choose_device`.
        InputError: the batch cannot be shared evenly among the processes.
    """
    chosen = choose_device(device)
    world, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    if batch % world:
        raise InputError(
            f"--batch {batch} cannot be shared among {world} processes: take a multiple of {world}"
        )
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.cuda.set_device(chosen)
    bfloat16 = precision == "bfloat16" or (precision == "auto" and has_fast_bfloat16(chosen))
    if world == 1:
        yield Compute(chosen, bfloat16)
        return
    torch.distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Compute(chosen, bfloat16, rank, world)
        # the reducer of DistributedDataParallel, which would outlive its process group and abort the process
        # at its end
        gc.collect()
        torch.distributed.barrier()  # the leader still writes files when the others are done
    finally:
        torch.distributed.destroy_process_group()
