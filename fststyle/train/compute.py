"""The device, the precision and the distributed processes of a training run."""

import contextlib
import gc
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from fststyle.errors import DeviceError, InputError

Placed = TypeVar("Placed", bound="Tensor | nn.Module")


@dataclass(frozen=True)
class Compute:
    """Device and precision of one process, and its rank in a distributed training run.

    Args:
        device: the torch device.
        bfloat16: whether the forward pass runs in bfloat16, by autocast.
        rank: number of this process. Rank 0 writes the files and reports the progress.
        world: number of processes.
    """

    device: torch.device
    bfloat16: bool
    rank: int = 0
    world: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process is rank 0."""
        return self.rank == 0

    @property
    def precision(self) -> str:
        """The precision of the forward pass: bfloat16 or float32."""
        return "bfloat16" if self.bfloat16 else "float32"

    def autocast(self) -> torch.autocast:
        """Return a context manager that runs the forward pass in `precision`."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bfloat16)

    def place(self, value: Placed) -> Placed:
        """Return `value` on the device. A module is moved in place.

        Modules and 4-dimensional tensors get the channels-last memory format, which is faster on CPUs and on
        tensor cores. It is not used on MPS, where the backward pass of batch norm fails or is wrong in this
        format.
        """
        if self.device.type == "mps" or (isinstance(value, Tensor) and value.ndim != 4):
            return cast("Placed", value.to(self.device))
        if isinstance(value, Tensor):
            return cast("Placed", value.to(self.device, memory_format=torch.channels_last))
        return cast("Placed", value.to(self.device).to(memory_format=torch.channels_last))

    def distribute(self, net: nn.Module) -> nn.Module:
        """Return `net` wrapped in DistributedDataParallel, or `net` itself if there is only one process."""
        if self.world == 1:
            return net
        return nn.parallel.DistributedDataParallel(
            net, device_ids=[self.device.index] if self.device.type == "cuda" else None
        )

    def average_gradients(self, optimizer: torch.optim.Optimizer) -> None:
        """Replace the gradients of the parameters of `optimizer` by their means over all processes.

        For networks that are not wrapped in DistributedDataParallel. Every process must call this method.
        """
        if self.world == 1:
            return
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    torch.distributed.all_reduce(parameter.grad)
                    parameter.grad /= self.world

    def any(self, flag: bool) -> bool:
        """Return whether `flag` is True in at least one process. Every process must call this method.

        It lets all processes leave the training loop at the same step.
        """
        if self.world == 1:
            return flag
        shared = torch.tensor(float(flag), device=self.device)
        torch.distributed.all_reduce(shared, torch.distributed.ReduceOp.MAX)
        return bool(shared.item())

    def broadcast(self, value: float) -> float:
        """Return the `value` of rank 0 in every process. Every process must call this method.

        With several processes, the value is rounded to float32.
        """
        if self.world == 1:
            return value
        shared = torch.tensor(value, device=self.device)
        torch.distributed.broadcast(shared, 0)
        return float(shared.item())


def choose_device(name: str) -> torch.device:
    """Return the torch device for ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.

    ``"auto"`` selects CUDA if it is available, otherwise MPS, otherwise the CPU.

    Raises:
        DeviceError: the named device is not available.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, usable in there.items() if usable)
    if not there[name]:
        built = torch.backends.cuda.is_built() if name == "cuda" else torch.backends.mps.is_built()
        reason = (
            "no usable device found"
            if built
            else f"the installed torch {torch.__version__} is built without {name.upper()} support"
        )
        raise DeviceError(f"--device {name}: {reason}")
    return torch.device(name)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether `device` is a CUDA GPU or a CPU that computes bfloat16 in hardware.

    CPUs without AVX512_BF16 or AMX emulate it, which is much slower than float32.
    """
    if device.type == "cuda":
        result: bool = torch.cuda.is_bf16_supported(including_emulation=False)
        return result
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


@contextlib.contextmanager
def computing(device: str, precision: str, batch: int | None) -> Iterator[Compute]:
    """Context manager that yields the `Compute` of this process.

    Under torchrun, which sets WORLD_SIZE, RANK and LOCAL_RANK, it also creates the process group on entry and
    destroys it on exit. After a normal exit from the block, each process waits for all others.

    Args:
        device: see `choose_device`.
        precision: ``"float32"``, ``"bfloat16"``, or ``"auto"``: bfloat16 if `has_fast_bfloat16` returns True
            for the device, otherwise float32.
        batch: total batch size, which is split evenly among the processes; None if the command supports only
            one process.

    Raises:
        DeviceError: see `choose_device`.
        InputError: there are several processes, and `batch` is None or not a multiple of their number.
    """
    chosen = choose_device(device)
    world, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    if batch is None and world > 1:
        raise InputError("only `fststyle train` supports several processes (torchrun)")
    if batch is not None and batch % world:
        raise InputError(
            f"--batch {batch} cannot be split evenly among {world} processes; use a multiple of {world}"
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
        # Free the reducer of DistributedDataParallel: if it outlives its process group, the process aborts
        # on exit.
        gc.collect()
        torch.distributed.barrier()  # rank 0 still writes files when the other processes are done
    finally:
        torch.distributed.destroy_process_group()
