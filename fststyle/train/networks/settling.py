"""Instance norm to learn with, a fixed scale and shift to run with.

A small network without norms learns a style two times slower, and instance norm (Ulyanov et al. 2016, arXiv:1607.08022) costs as much time as the
convolution before it where a convolution is fast. So a layer learns under instance norm, whose statistics then settle, over a stretch of the
training, into their running means; from there it is the affine map that batch norm is at inference (Ioffe and Szegedy 2015, arXiv:1502.03167), which
disappears into the convolution, and the rest of the training gets used to it. Batch norm from the start learns worse: its batches are small.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MOMENTUM = 0.05


class SettlingNorm(nn.Module):
    """(N, C, H, W) -> (N, C, H, W). ``settled`` 0 normalises by the picture's own statistics, 1 by the running ones, between by their mixture.

    A fresh layer counts as settled: training sets it otherwise (`settle`), and whoever loads weights runs them.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, eps: float = 1e-5):
        super().__init__()
        self.eps, self.settled = eps, 1.0
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        if self.settled >= 1:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        var, mean = torch.var_mean(x, (2, 3), correction=0)
        if self.training:
            with torch.no_grad():
                self.running_mean.lerp_(mean.mean(0).to(self.running_mean), MOMENTUM)
                self.running_var.lerp_(var.mean(0).to(self.running_var), MOMENTUM)
        mean, var = mean.lerp(self.running_mean.expand_as(mean), self.settled), var.lerp(self.running_var.expand_as(var), self.settled)
        gain = self.weight * (var + self.eps).rsqrt()
        return x * gain[..., None, None] + (self.bias - mean * gain)[..., None, None]


def settle(net: nn.Module, progress: float, begin: float = 0.4, end: float = 0.7) -> None:
    """Set every `SettlingNorm` of `net` for this part of the training, 0..1: its own statistics until `begin`, the running ones from `end` on."""
    settled = min(1.0, max(0.0, (progress - begin) / (end - begin)))
    for module in net.modules():
        if isinstance(module, SettlingNorm):
            module.settled = settled


def calibrate(net: nn.Module, photos: Tensor) -> None:
    """Give every `SettlingNorm` of `net`, as it is when settled, the running statistics of these photos, and change nothing that it computes.

    What a folded network has lost comes back: its norms can be unsettled again, to learn from there.
    """

    def measure(norm: SettlingNorm, inputs: tuple[Tensor]) -> None:
        var, mean = torch.var_mean(inputs[0], (0, 2, 3), correction=0)
        gain = norm.weight * (norm.running_var + norm.eps).rsqrt()
        norm.bias.copy_(norm.bias + (mean - norm.running_mean) * gain)
        norm.weight.copy_(gain * (var + norm.eps).sqrt())
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)

    norms = [module for module in net.modules() if isinstance(module, SettlingNorm)]
    hooks = [norm.register_forward_pre_hook(measure) for norm in norms]
    try:
        settle(net, 1.0)
        with torch.no_grad():
            net(photos)
    finally:
        for hook in hooks:
            hook.remove()


def unfolded(weights: dict[str, Tensor], wanted: dict[str, Tensor], eps: float = 1e-5) -> dict[str, Tensor]:
    """Weights of an exported file, whose norms have gone into ``NAME.conv.weight`` and ``NAME.conv.weight_bias``, under the names of ``wanted``.

    The norms become neutral ones; `calibrate` makes them useful again.
    """
    found = {name: value for name, value in weights.items() if not name.endswith(".conv.weight_bias")}
    for name in weights.keys() - found.keys():
        bias, norm = weights[name], name.removesuffix("conv.weight_bias") + "norm."
        if f"{norm}running_var" in wanted:
            neutral = {"weight": torch.ones_like(bias), "bias": bias, "running_mean": torch.zeros_like(bias), "running_var": torch.full_like(bias, 1 - eps)}
            found |= {norm + key: value for key, value in neutral.items()}
    return found
