"""The convolutional variational autoencoder of `fststyle vae train`, for images of 28, 32, 64 or 128 pixels.

Kingma and Welling 2014, "Auto-Encoding Variational Bayes" (arXiv:1312.6114).
"""

import torch
from torch import Tensor, nn

from fststyle.train.networks.classifier import halvings

MIN_LOG_DEVIATION = -4.0
"""Smallest log standard deviation of the Gaussian likelihood. exp(-4) is 1/55 of the range from black to
white.

Without a minimum, the ELBO is unbounded, since the pixels are quantized.
"""


class Vae(nn.Module):
    """Convolutional variational autoencoder for square images.

    The encoder returns the mean and the log-variance of the latent vector. The decoder returns the parameters
    of the pixel distributions.

    Args:
        side: side of the images in pixels: 28, or a power of two that is at least 16.
        channels: number of color channels of the images, 1 or 3.
        latent: dimension of the latent vector.
        width: channels of the first convolution. Each further convolution of the encoder doubles the number
            of channels, up to 8 * `width`.
        likelihood: with "bernoulli", the decoder returns logits; with "gaussian", it returns means in [0, 1],
            and there is one learned standard deviation for all pixels (Rybkin et al. 2021).

    Raises:
        ValueError: `likelihood` is unknown, or `side` is not supported.
    """

    def __init__(
        self, side: int, channels: int, latent: int = 20, width: int = 32, likelihood: str = "bernoulli"
    ):
        super().__init__()
        if likelihood not in ("bernoulli", "gaussian"):
            raise ValueError(f"unknown likelihood: {likelihood!r}; use bernoulli or gaussian")
        self.likelihood = likelihood
        levels = halvings(side)
        widths = [width * min(8, 2**level) for level in range(levels)]
        last = side >> levels
        plane = (widths[-1], last, last)
        reading: list[nn.Module] = []
        drawing: list[nn.Module] = []
        for before, after in zip([channels, *widths], widths, strict=False):
            reading += [nn.Conv2d(before, after, 4, 2, 1), nn.ReLU()]
        for before, after in zip(widths[::-1], [*widths[-2::-1], channels], strict=True):
            drawing += [nn.ReLU(), nn.ConvTranspose2d(before, after, 4, 2, 1)]
        size = plane[0] * plane[1] * plane[2]
        self.encoder = nn.Sequential(
            *reading, nn.Flatten(), nn.Linear(size, 256), nn.ReLU(), nn.Linear(256, 2 * latent)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent, 256), nn.ReLU(), nn.Linear(256, size), nn.Unflatten(1, plane), *drawing
        )
        self.log_deviation = nn.Parameter(torch.tensor(-1.0), requires_grad=likelihood == "gaussian")

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the log-variance of the latent vectors, (N, Z) each, for images (N, C, S, S) in
        [-1, 1]. The log-variance is clamped to -12..12.
        """
        mean, log_variance = self.encoder(x).chunk(2, 1)
        return mean, log_variance.clamp(-12, 12)

    def decode(self, latent: Tensor) -> Tensor:
        """Return the parameters of the pixel distributions, (N, C, S, S), for latent vectors (N, Z).

        They are logits for a Bernoulli likelihood, and means in [0, 1] for a Gaussian one.
        """
        drawn: Tensor = self.decoder(latent)
        return drawn if self.likelihood == "bernoulli" else drawn.sigmoid()

    def mean_image(self, latent: Tensor) -> Tensor:
        """Return the means of the pixel distributions as images (N, C, S, S) in [-1, 1], for latent vectors
        (N, Z).
        """
        drawn = self.decode(latent)
        return (drawn.sigmoid() if self.likelihood == "bernoulli" else drawn) * 2 - 1


class Encoder(nn.Module):
    """The encoder of a VAE, as a module for export. It returns the mean and the standard deviation of the
    latent vectors, (N, Z) each, for images (N, C, S, S) in [-1, 1].
    """

    def __init__(self, vae: Vae):
        super().__init__()
        self.vae = vae

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.vae.encode(x)
        return mean, (log_variance / 2).exp()


class Decoder(nn.Module):
    """The decoder of a VAE, as a module for export. It returns mean images (N, C, S, S) in [-1, 1] for
    latent vectors (N, Z).
    """

    def __init__(self, vae: Vae):
        super().__init__()
        self.vae = vae

    def forward(self, latent: Tensor) -> Tensor:
        return self.vae.mean_image(latent)
