"""Synthetic training photos: random "dead leaves" scenes.

In the dead leaves model (Lee, Mumford and Huang, "Occlusion models for natural images", IJCV 2001), opaque
shapes occlude one another. With radii distributed as r^-3, the images have the edges, the scale invariance
and the 1/f^2 power spectrum of photos. Baradad et al., "Learning to See by Looking at Noise" (NeurIPS 2021,
arXiv:2106.05963), show that networks learn from such images. Departures, for training style networks: sky and
ground with smooth gradients, shaded leaves, textured and flat surfaces, windows, foliage, grass, lighting,
depth of field and noise.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from fststyle.arrays import Floats, Pixels
from fststyle.errors import InputError

Canvas = Pixels
"""An image under construction, uint8 (H, W, 4). The four channels of ``paint`` are red, green, blue and
roughness; those of ``shade`` are the x and y gradients of the shading, its offset, and the strength of
streaks, with 128 as the neutral value.
"""

_SUPER = 2
"""Supersampling factor. Supersampling antialiases all edges in all channels at low cost."""
_SHIFT = 4
"""Number of fractional bits in the drawing coordinates of OpenCV."""


def scene(seed: int | np.random.Generator, size: int = 256) -> Pixels:
    """Generate a scene, uint8 (size, size, 3) RGB.

    Args:
        seed: a seed, or a generator, which is advanced. With the same versions of NumPy and OpenCV, the same
            seed and size yield the same scene.
        size: side of the scene in pixels.

    Raises:
        InputError: `size` is below 16.
    """
    if size < 16:
        raise InputError(f"the size of a scene must be at least 16 pixels, not {size}")
    rng = np.random.default_rng(seed)
    large = size * _SUPER
    paint = np.zeros((large, large, 4), np.uint8)
    shade = np.full((large, large, 4), 128, np.uint8)
    color = _palette(rng)

    _backdrop(rng, paint, shade, color)
    spots = _clusters(rng)
    leaves = int(np.exp(rng.uniform(np.log(15), np.log(220))))
    behind = int(leaves * rng.uniform(0.2, 0.7))
    _leaves(rng, paint, shade, color, spots, behind)
    if rng.random() < 0.4:  # depth of field: everything drawn so far is in the background
        width = 2 * int(large * rng.uniform(0.004, 0.02)) + 1
        cv2.stackBlur(paint, (width, width), dst=paint)
        cv2.stackBlur(shade, (width, width), dst=shade)
    if rng.random() < 0.3:
        _windows(rng, paint, shade, color)
    _leaves(rng, paint, shade, color, spots, leaves - behind)
    if rng.random() < 0.5:
        _foliage(rng, paint, color)
    if rng.random() < 0.3:
        _grass(rng, paint, color)

    return _develop(rng, _lit(rng, _smaller(paint, size), _smaller(shade, size)))


def _smaller(canvas: Canvas, size: int) -> Canvas:
    """Return `canvas`, scaled down to (size, size, 4)."""
    result: Canvas = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA).astype(
        np.uint8, copy=False
    )
    return result


def _palette(rng: np.random.Generator) -> Callable[[], Floats]:
    """Return a random palette: a function that samples RGB colors, float32 (3,), 0-255.

    Natural colors vary most in lightness, less along blue-yellow, and least along green-red (Ruderman et al.
    1998). Each scene has a color cast, a few base colors, and occasional saturated objects.
    """
    bases = int(rng.integers(3, 8))
    light = rng.uniform(25, 230, bases)
    warm = rng.normal(rng.normal(6, 14), rng.uniform(5, 30), bases)
    green = rng.normal(rng.normal(0, 6), rng.uniform(2, 14), bases)
    vivid = rng.random(bases) < 0.15
    warm, green = np.where(vivid, warm * 3, warm), np.where(vivid, green * 4, green)
    table = np.stack(
        [light + warm - 0.6 * green, light + 0.3 * warm + green, light - 1.3 * warm - 0.4 * green], 1
    )
    weight = rng.dirichlet(np.ones(bases))

    def sample() -> Floats:
        base = table[rng.choice(bases, p=weight)] * np.exp(rng.normal(0, 0.18)) + rng.normal(0, 5, 3)
        result: Floats = np.clip(base, 8, 247).astype(np.float32)
        return result

    return sample


def _surface(rng: np.random.Generator, slope: float) -> tuple[float, tuple[float, float, float, float]]:
    """Return the roughness of a random surface, 0-255, and its values for the four channels of ``shade``, as
    described in `Canvas`. `slope` is the standard deviation of the x and y gradients of the shading.
    """
    kind = rng.random()
    rough = 0.0 if kind < 0.3 else rng.uniform(10, 70) if kind < 0.8 else rng.uniform(70, 200)
    streak = 128.0 if rng.random() < 0.75 else 128 + rng.uniform(15, 110)
    x, y = rng.normal(0, slope, 2)
    return rough, (
        float(np.clip(128 + x, 0, 255)),
        float(np.clip(128 + y, 0, 255)),
        float(np.clip(128 + rng.normal(0, 8), 0, 255)),
        streak,
    )


def _fill(
    paint: Canvas,
    shade: Canvas,
    points: NDArray[np.float64],
    color: Floats,
    rough: float,
    shading: tuple[float, float, float, float],
) -> None:
    """Fill a polygon on both canvases, in place.

    Args:
        paint: the canvas that is filled with `color` and `rough`.
        shade: the canvas that is filled with `shading`.
        points: the corners of the polygon, (n, 2), in pixels.
        color: RGB color, (3,), 0-255.
        rough: roughness of the surface, 0-255.
        shading: values for the four channels of `shade`. The offset is adjusted to the position of the
            polygon.
    """
    corners = [np.round(points * (1 << _SHIFT)).astype(np.int32)]
    cv2.fillPoly(paint, corners, (*(float(c) for c in color), rough), cv2.LINE_8, _SHIFT)
    # The shading is zero at the center of the polygon, apart from its offset, so the mean brightness does not
    # depend on the position of the polygon.
    middle = points.mean(0) / paint.shape[0] - 0.5
    x, y, offset, streak = shading
    offset -= (x - 128) * float(middle[0]) + (y - 128) * float(middle[1])
    cv2.fillPoly(shade, corners, (x, y, min(max(offset, 0.0), 255.0), streak), cv2.LINE_8, _SHIFT)


def _backdrop(rng: np.random.Generator, paint: Canvas, shade: Canvas, color: Callable[[], Floats]) -> None:
    """Draw the background: a sky or a wall with a smooth gradient, and often ground below a horizon."""
    size = paint.shape[0]
    corners = np.array([[-1, -1], [size + 1, -1], [size + 1, size + 1], [-1, size + 1]], np.float64)
    sky = color()
    if rng.random() < 0.5:
        sky = 0.5 * sky + 0.5 * rng.uniform((110, 140, 160), (215, 225, 245)).astype(np.float32)
        _fill(
            paint, shade, corners, sky, rng.uniform(0, 30), (128.0, 128 + rng.uniform(-10, 50), 128.0, 128.0)
        )
    else:
        rough, shading = _surface(rng, 25)
        _fill(paint, shade, corners, sky, rough, shading)
    if rng.random() < 0.6:  # a more or less hilly horizon
        x = np.linspace(-0.02, 1.02, 33)
        waves = sum(
            rng.normal(0, 0.06) / k * np.sin(2 * np.pi * (k * x * 0.7 + rng.random())) for k in range(1, 6)
        )
        y = rng.uniform(0.3, 0.85) + waves * rng.uniform(0, 1.5)
        land = np.concatenate([np.stack([x, y], 1), [[1.02, 1.02], [-0.02, 1.02]]]) * size
        rough, shading = _surface(rng, 25)
        _fill(paint, shade, land, color(), max(rough, 15), shading)


def _clusters(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return random clusters for the leaves, (n, 3): x and y of the center, and the standard deviation of
    the positions around it, as fractions of the side of the scene.

    The clusters cause detailed and empty regions, as in photos.
    """
    n = int(rng.integers(2, 6))
    return np.stack([rng.uniform(0, 1, n), rng.uniform(0.2, 1, n), rng.uniform(0.06, 0.45, n)], 1)


def _outline(rng: np.random.Generator, radius: float) -> NDArray[np.float64]:
    """Return the points of a random outline around the origin, (n, 2), with a radius of about `radius`: a
    distorted ellipse, a box or a polygon, squeezed and rotated.
    """
    kind = rng.random()
    if kind < 0.5:
        angle = np.linspace(0, 2 * np.pi, 12 if radius < 8 else 40, endpoint=False)
        reach = 1 + sum(
            rng.normal(0, 0.22) / k * np.cos(k * angle + rng.uniform(0, 6.3)) for k in range(2, 6)
        ) * (rng.random() < 0.6)
        points = np.stack([np.cos(angle), np.sin(angle)], 1) * np.asarray(reach).reshape(-1, 1)
    elif kind < 0.75:
        points = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * 0.8
    else:
        angle = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 9))))
        points = np.stack([np.cos(angle), np.sin(angle)], 1) * rng.uniform(0.6, 1.1, (len(angle), 1))
    squeeze = np.exp(rng.normal(0, 0.45))
    # About half of the shapes are nearly axis-aligned, since photos have more horizontal and vertical edges
    # than others.
    turn = rng.normal(0, 0.06) if rng.random() < 0.5 else rng.uniform(0, np.pi)
    c, s = np.cos(turn), np.sin(turn)
    result: NDArray[np.float64] = points * (radius * squeeze, radius / squeeze) @ np.array([[c, s], [-s, c]])
    return result


def _leaves(
    rng: np.random.Generator,
    paint: Canvas,
    shade: Canvas,
    color: Callable[[], Floats],
    spots: NDArray[np.float64],
    count: int,
) -> None:
    """Draw `count` leaves, most of them in the clusters `spots`, as returned by `_clusters`."""
    size = paint.shape[0]
    smallest, largest = 0.012, 0.4
    # Inverse transform sampling of p(r) ~ r^-3 between the two limits.
    radii = (smallest**-2 + rng.random(count) * (largest**-2 - smallest**-2)) ** -0.5
    # Large shapes are rare in this distribution, so about one leaf in ten gets another, larger radius.
    radii = np.where(rng.random(count) < 0.1, rng.uniform(0.06, 0.32, count), radii)
    where = spots[rng.integers(0, len(spots), count)]
    centers = np.where(
        rng.random((count, 1)) < 0.12,
        rng.random((count, 2)),
        where[:, :2] + rng.normal(0, 1, (count, 2)) * where[:, 2:],
    )
    for radius, center in zip(radii, centers, strict=True):
        rough, shading = _surface(rng, min(100.0, 12 / radius))
        _fill(paint, shade, _outline(rng, radius * size) + center * size, color(), rough, shading)


def _windows(rng: np.random.Generator, paint: Canvas, shade: Canvas, color: Callable[[], Floats]) -> None:
    """Draw a surface with a grid of equal rectangles, in perspective, like facades, fences and tiles."""
    size = paint.shape[0]
    columns, rows = rng.integers(2, 9, 2)
    width, height = rng.uniform(0.25, 0.8, 2)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) + rng.normal(
        0, 0.05, (4, 2)
    ).astype(np.float32)
    corners += rng.uniform(-0.1, 0.8, 2).astype(np.float32)
    plane = cv2.getPerspectiveTransform(
        np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32), corners * size
    )
    rough, shading = _surface(rng, 25)
    _fill(paint, shade, (corners * size).astype(np.float64), color(), rough * 0.4, shading)
    gap, hole = rng.uniform(0.1, 0.4, 2), color()
    for row in range(rows):
        for column in range(columns):
            x0, y0, x1, y1 = (
                (column + gap[0]) / columns,
                (row + gap[1]) / rows,
                (column + 1 - gap[0]) / columns,
                (row + 1 - gap[1]) / rows,
            )
            cell = cv2.perspectiveTransform(
                np.array([[[x0, y0], [x1, y0], [x1, y1], [x0, y1]]], np.float32), plane
            )[0]
            _fill(
                paint,
                shade,
                cell.astype(np.float64),
                np.clip(hole + rng.normal(0, 8), 0, 255).astype(np.float32),
                0.0,
                shading,
            )


def _foliage(rng: np.random.Generator, paint: Canvas, color: Callable[[], Floats]) -> None:
    """Draw a cluster of hundreds of small dots, like foliage, pebbles or crowds."""
    size = paint.shape[0]
    count = int(rng.integers(100, 500))
    centers = (rng.normal(0, rng.uniform(0.08, 0.35, 2), (count, 2)) + rng.uniform(0, 1, 2)) * size
    axes = np.exp(rng.normal(np.log(rng.uniform(0.006, 0.02)), 0.5, (count, 2))) * size
    turns = rng.normal(rng.uniform(0, 180), rng.uniform(5, 90), count)
    tints = np.clip(
        np.stack([color(), color()])[rng.integers(0, 2, count)] * np.exp(rng.normal(0, 0.3, (count, 1))),
        0,
        255,
    )
    roughness = rng.uniform(0, 120)
    for (x, y), (a, b), turn, tint in zip(
        centers.astype(int).tolist(),
        (axes + 1).astype(int).tolist(),
        turns.tolist(),
        tints.tolist(),
        strict=True,
    ):
        cv2.ellipse(paint, (x, y), (a, b), turn, 0, 360, (*tint, roughness), -1)


def _grass(rng: np.random.Generator, paint: Canvas, color: Callable[[], Floats]) -> None:
    """Draw a tuft of thin curved lines, like grass, hair, twigs and wires."""
    size = paint.shape[0]
    count = int(np.exp(rng.uniform(np.log(5), np.log(250))))
    roots = rng.normal(
        (rng.random(), rng.uniform(0.5, 1.1)), (rng.uniform(0.05, 0.5), rng.uniform(0.02, 0.12)), (count, 2)
    )
    angles = rng.normal(rng.normal(-np.pi / 2, 0.5), rng.uniform(0.05, 0.4), (count, 1))
    lengths = rng.uniform(0.3, 1, (count, 1)) * rng.uniform(0.05, 0.5)
    along = np.linspace(0, 1, 5)
    bent = angles + rng.normal(0, 0.3, (count, 1)) * along
    x = roots[:, :1] + lengths * along * np.cos(bent)
    y = roots[:, 1:] + lengths * along * np.sin(bent)
    lines = np.round(np.stack([x, y], 2) * size * (1 << _SHIFT)).astype(np.int32)
    blade = color()
    thick = int(rng.integers(1, 4))
    for line in lines:
        tint = np.clip(blade * np.exp(rng.normal(0, 0.2)), 0, 255)
        cv2.polylines(paint, [line], False, (*(float(c) for c in tint), 20.0), thick, cv2.LINE_AA, _SHIFT)


def _fractal(rng: np.random.Generator, size: int, stretch: tuple[int, int] = (1, 1)) -> Floats:
    """Return random noise, float32 (size, size), with unit standard deviation: a sum of octaves whose
    amplitudes decrease toward finer scales. `stretch` is the vertical and the horizontal stretch factor.
    """
    total = np.zeros((size, size), np.float32)
    cells, weight = 4, 1.0
    while cells <= size:
        grid = rng.standard_normal((max(2, cells // stretch[0]), max(2, cells // stretch[1])), np.float32)
        total += weight * cv2.resize(grid, (size, size), interpolation=cv2.INTER_LINEAR)
        cells, weight = cells * 2, weight * 0.92
    result: Floats = total / total.std()
    return result


def _lit(rng: np.random.Generator, paint: Canvas, shade: Canvas) -> Floats:
    """Apply shading, texture and lighting to the colors. Returns float32 (size, size, 3), in which 255 is
    white and larger values are not clipped.
    """
    size = paint.shape[0]
    place = np.linspace(-0.5, 0.5, size, dtype=np.float32)
    slope = (shade.astype(np.float32) - 128) / 100
    tone = slope[..., 0] * place + slope[..., 1] * place[:, None] + slope[..., 2]
    tone += paint[..., 3] * (_fractal(rng, size) / 480)
    stretch = (1, 8) if rng.random() < 0.5 else (8, 1)
    tone += slope[..., 3] * (_fractal(rng, size, stretch) * 0.18)
    light = rng.normal(0, rng.uniform(0.02, 0.25), (3, 3)).astype(np.float32)
    tone += cv2.resize(light, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.multiply(paint[..., :3], np.exp(np.clip(tone, -1.5, 1.0))[..., None], dtype=np.float32)


def _develop(rng: np.random.Generator, linear: Floats) -> Pixels:
    """Simulate a camera: random contrast, exposure, blur and noise. Returns uint8 (size, size, 3)."""
    mean, spread = float(linear.mean()), float(linear.std()) + 1e-3
    gain = np.clip(rng.uniform(40, 68) / spread, 0.6, 1.6)
    out = (linear - mean) * gain + rng.uniform(75, 145)
    if rng.random() < 0.15:
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.5, 1.5))
    # The noise is the same in all channels, since cameras remove most of the chroma noise.
    out += rng.standard_normal(out.shape[:2], np.float32)[..., None] * rng.uniform(0, 4)
    result: Pixels = np.clip(out, 0, 255).astype(np.uint8)
    return result
