"""Many live networks of the same shape in one module, to train them together on one GPU (tools/together.py).

Each parameter of `Live` has an additional first axis, the network: (K, ...). The structure is that of `Live`,
with stacked convolutions, instance norms and noise layers in place of its own. The random position of the
noise is a tensor, so that a CUDA graph can replay a step.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fststyle.train.networks import DEFAULTS, build
from fststyle.train.networks.live import FOLD, Conv, InstanceNorm, Live, Noise, fold, unfold


class _Pad(torch.autograd.Function):
    """Replicate padding by one pixel. The output and the gradient are in channels-last format."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        wide = torch.empty(
            (n, c, h + 2, w + 2), dtype=x.dtype, device=x.device, memory_format=torch.channels_last
        )
        wide[:, :, 1:-1, 1:-1] = x
        wide[:, :, 1:-1, 0] = x[..., 0]
        wide[:, :, 1:-1, -1] = x[..., -1]
        wide[:, :, 0] = wide[:, :, 1]
        wide[:, :, -1] = wide[:, :, -2]
        return wide

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        gradient = gradient.clone(memory_format=torch.channels_last)
        gradient[:, :, 1] += gradient[:, :, 0]
        gradient[:, :, -2] += gradient[:, :, -1]
        gradient[..., 1] += gradient[..., 0]
        gradient[..., -2] += gradient[..., -1]
        return gradient[:, :, 1:-1, 1:-1].contiguous(memory_format=torch.channels_last)


def pad(x: Tensor) -> Tensor:
    """Return `x` with replicate padding by one pixel, channels-last: (N, C, H, W) -> (N, C, H + 2, W + 2)."""
    wide: Tensor = _Pad.apply(x)
    return wide


def stack(values: list[Tensor]) -> Tensor:
    """Return the same parameter of K networks as one float32 tensor, (K, ...).

    Kernels (O, I, h, w) become (K, O, h, w, I), so that the kernel of each network is in channels-last
    format.
    """
    together = torch.stack([value.detach().float() for value in values])
    return together.permute(0, 1, 3, 4, 2).contiguous() if together.ndim == 5 else together


def unstack(together: Tensor, number: int) -> Tensor:
    """Return the parameter of the network with the index `number`, float32 on the CPU. Inverse of `stack`."""
    value = together.detach()[number].cpu()
    value = value.permute(0, 3, 1, 2) if value.ndim == 4 else value
    return value.clone(memory_format=torch.contiguous_format)


class StackedConv(nn.Module):
    """Stacked `Conv`, 1x1 or 3x3, computed in `dtype`. The output for (K * N, I, H, W) is (K * N, O, H, W)
    with H and W divided by the stride, rounded up.
    """

    def __init__(self, convs: list[nn.Conv2d], dtype: torch.dtype):
        super().__init__()
        self.weight = nn.Parameter(stack([conv.weight for conv in convs]))
        biases = [conv.bias for conv in convs if conv.bias is not None]
        self.bias = nn.Parameter(stack(biases)) if biases else None
        self.stride, self.dtype = convs[0].stride, dtype

    def forward(self, x: Tensor) -> Tensor:
        count = len(self.weight)
        biases = [None] * count if self.bias is None else self.bias.to(self.dtype).unbind(0)
        kernels = self.weight.to(self.dtype).unbind(0)
        if self.weight.shape[2] > 1:
            x = pad(x)
        return torch.cat(
            [
                F.conv2d(part, kernel.permute(0, 3, 1, 2), bias, self.stride)
                for part, kernel, bias in zip(x.chunk(count), kernels, biases, strict=True)
            ]
        )


class StackedNorm(nn.Module):
    """Stacked `InstanceNorm`, computed in float32. Keeps the shape (K * N, C, H, W) and the dtype."""

    def __init__(self, norms: list[InstanceNorm]):
        super().__init__()
        self.weight = nn.Parameter(stack([norm.weight for norm in norms]))
        self.bias = nn.Parameter(stack([norm.bias for norm in norms]))
        self.eps = norms[0].eps

    def forward(self, x: Tensor) -> Tensor:
        exact = x.float()
        variance, mean = torch.var_mean(exact, (2, 3), keepdim=True, correction=0)
        each = len(x) // len(self.weight)
        weight, bias = (
            value[:, None].expand(-1, each, -1).reshape(len(x), -1, 1, 1)
            for value in (self.weight, self.bias)
        )
        scale = torch.rsqrt(variance + self.eps) * weight
        return (exact * scale + (bias - mean * scale)).to(x.dtype)


class StackedNoise(nn.Module):
    """Stacked `Noise`. The noise field is read from the position `place`, (2,) int64 from 0 to `side` - 1."""

    field: Tensor
    place: Tensor

    def __init__(self, noises: list[Noise], dtype: torch.dtype):
        super().__init__()
        self.project = StackedConv([noise.project for noise in noises], dtype)
        self.side = noises[0].field.shape[1]
        self.register_buffer("field", noises[0].field.float() / 73.9, persistent=False)
        self.register_buffer("place", torch.zeros(2, dtype=torch.long), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        (n, c, height, width), count = x.shape, len(self.project.weight)
        rows = (torch.arange(height, device=x.device) + self.place[0]) % self.side
        columns = (torch.arange(width, device=x.device) + self.place[1]) % self.side
        field = self.field.index_select(1, rows).index_select(2, columns).flatten(1)
        noise = (self.project.weight.reshape(count, c, -1) @ field).view(count, 1, c, height, width)
        noisy = (x.view(count, n // count, c, height, width) + noise).reshape(n, c, height, width)
        return noisy.to(x.dtype).contiguous(memory_format=torch.channels_last)


class Stacked(nn.Module):
    """K live networks, each with its own weights.

    Args:
        states: the weights of each network, as from `Live.state_dict`.
        dtype: the dtype of the convolutions. Parameters and norms are float32.
    """

    def __init__(self, states: list[dict[str, Tensor]], dtype: torch.dtype):
        super().__init__()
        nets = [build("live", DEFAULTS["live"]) for _ in states]
        for net, state in zip(nets, states, strict=True):
            net.load_state_dict(state)
        self.count, self.dtype = len(nets), dtype
        self.net: Live = _stacked(nets, dtype)
        self.noises = [module for module in self.net.modules() if isinstance(module, StackedNoise)]

    def named(self) -> dict[str, nn.Parameter]:
        """Return a dict of the stacked parameters, keyed by their names in `Live`."""
        return dict(self.net.named_parameters())

    def shared_names(self) -> list[str]:
        """Return the names of the parameters that are equal in all networks while the networks are tied.

        These are all parameters except those of the instance norms and of the last two convolutions, which
        determine the colors.
        """
        return [
            name for name in self.named() if ".norm." not in name and not name.startswith(("up.", "head."))
        ]

    def state(self, number: int) -> dict[str, Tensor]:
        """Return the weights of one network, as from `Live.state_dict`, on the CPU."""
        return {name: unstack(value, number) for name, value in self.named().items()}

    def forward(self, photo: Tensor) -> Tensor:
        """Return the output of all networks for the same photos (N, 3, H, W): float32 (K * N, 3, H, W),
        network by network.
        """
        folded = fold(photo).to(self.dtype).repeat(self.count, 1, 1, 1)
        return unfold(self.net.core(folded.contiguous(memory_format=torch.channels_last)).float())

    @torch.no_grad()
    def constrain(self) -> None:
        """Apply `Live.constrain` to every network."""
        weight, bias = self.net.head.weight, self.net.head.bias
        count, _, height, width, inputs = weight.shape
        plain = weight.sum((2, 3)).view(count, FOLD**2, 3, inputs)
        surplus = (plain - plain.mean(1, keepdim=True)).reshape(count, -1, 1, 1, inputs)
        weight.sub_(surplus / (height * width))
        if bias is not None:
            colors = bias.view(count, FOLD**2, 3)
            bias.copy_(colors.mean(1, keepdim=True).expand_as(colors).reshape(count, -1))


def _stacked(modules: list[Any], dtype: torch.dtype) -> Any:
    """Return one module for `modules`, which are the same module of each network. The first is changed in
    place, unless it is a single layer.
    """
    first = modules[0]
    if isinstance(first, Noise):
        return StackedNoise(modules, dtype)
    if isinstance(first, Conv):
        return StackedConv(modules, dtype)
    if isinstance(first, InstanceNorm):
        return StackedNorm(modules)
    for name, _ in list(first.named_children()):
        setattr(first, name, _stacked([getattr(module, name) for module in modules], dtype))
    return first
