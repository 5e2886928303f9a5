"""Print metrics of the visual quality of stylized images: flat regions, artifacts and similarity.

    python bench/visual_metrics.py --painting great-wave.jpg great-wave images/ 'rivals/*-lengstrom.jpg'
    python bench/visual_metrics.py --painting udnie.jpg --painting the-scream.jpg images/ --json

The arguments are styles (a name or a file, as in bench/quality.py), which stylize every photo, or stylized
images of any system: files, folders or quoted patterns. File names must contain the name of the photo and, if
there are several paintings, that of the painting: great-wave-china-lengstrom.jpg. ``SYSTEM=`` before an
argument names the system; the default is the rest of the file name. Images with a longer side above --longest
are scaled down; then image and photo are scaled to the size of the smaller one. Metrics are comparable
between images of one size only: set --longest to the smallest. The painting is scaled to --size pixels on its
shorter side. Rows are means over photos; --each adds a row per image. --baseline adds the photo itself as a
system.

Flat regions are those where the photo is smooth: its lightness L (CIE Lab, 0 to 100) has a standard deviation
below 2.5 in a Gaussian window of 6 pixels, as in skies and walls. A photo with less than 4 % of flat regions
has no metrics of them.

First table: flat regions and artifacts.

- L 2-4 ... 32-64: contrast in flat regions relative to that of the whole painting, per octave of wavelength
  in pixels (RMS of L in a difference of Gaussians; geometric mean over photos). 0.05 is an empty sky, 0.3 to
  1 a filled one. Artifacts and noise also raise it, so compare it with repeat, details and forms. A painting
  with an empty sky need not reach 1.
- C: the same for color (a and b of Lab), geometric mean of the octaves from 4 to 64 pixels.
- repeat: highest peak of the autocorrelation of L in flat regions, at a shift of 4 to 62 pixels beyond the
  central lobe, minus the value expected by chance. 0 is no repetition, 1 an exact one. Contrast below 1 level
  of L is ignored. It detects one period in one direction: a motif that is repeated at irregular distances or
  rotated has no peak.
- stripes: the same peak in windows of 96 pixels of the whole image, minus that of the photo, mean over the
  windows. It detects stripes on faces and grass. A difference of 0.03 is visible. The parallel brush strokes
  of a painting also raise it.
- halo: difference of L between flat regions within 20 pixels of strong edges and the same region 40 to 120
  pixels away, where the photo has one color; median. Above 4 is a visible glow; negative values are a blur
  across the edge. A filled sky that stays light around objects also raises it (20 in preferred images), so
  compare images with equally filled skies only.
- tint: the same for the distance of the local color (a, b): above 4 is a colored glow. Saturated color near
  objects, as in The Scream, also raises it. Neither metric detects a rim without strokes.
- weave, grid 4, grid 8: `weave` and `grid` of bench/artifacts.py on whole images: 0 is no weave, 1 is no
  grid. Weave is the only metric here that training minimizes. JPEG files have a grid of 8 pixels.

Second table: similarity to painting and photo.

- details, forms: mean cosine distance from each patch of the painting to the most similar patch of the
  image, in VGG-16 features (relu3_1, relu4_1, relu4_2, minus the mean of the painting) at full and at half
  size. It is high if parts of the painting do not appear in the image; 0 is the painting itself, 0.01 is a
  visible difference. Training uses other layers of the same network, so the metric is related to its
  objective. Both increase for smaller images, which have fewer patches.
- from pic: mean cosine distance from each patch of the image to the most similar patch of the painting,
  mean of both sizes. It is high for content that the painting does not have, such as photographic detail.
  Most paintings contain an empty sky, so empty images score well. These three metrics ignore composition
  and mostly color.
- hue: distance of the hue distributions of image and painting in degrees: circular earth mover's distance
  of the histograms of hue, weighted by chroma, of the means of 4 x 4 pixels.
- lost: share of the chroma of the painting in sectors of hue (30 degrees) of which the image has less than
  a third as much.
- areas: share of the image that would have to change between dark (L < 25), light (L > 80), neutral (chroma
  < 10) and colored to match the painting. Hue and areas ignore the position of colors: a photo of the sea has
  the hues of the Great Wave.
- content: squared difference of relu2_2 from that of the photo, relative to the mean square of that of the
  painting. Bold forms increase it.
- style S: squared differences of the Gram matrices of relu1_2, relu2_2, relu3_3 and relu4_3, relative to the
  squared norm of those of the painting: sum over the layers, mean over the sizes 1, 1/2 and 1/4; S is the
  shorter side of the painting.
- sum S: content + style. Both are statistics of the whole image, so a detailed half can compensate an empty
  one.
- classic S: content + 3 x style in thousands, the objective of bench/quality.py, here at the size of the
  image, on which it depends strongly.

Agreement with human preference, from one viewer who compared 54 images of five systems and four paintings,
not blind: L and repeat rank the systems like the viewer; stripes mostly, with small differences. Details and
forms do so for images of one size, with one exception; style and lost do so for one painting unless a
system has other colors than the painting, for example paler paper. Halo, areas, content and from pic describe
properties and do not rank: preferred images often have a bright rim, and empty images score well in from
pic.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import artifacts
import cv2
import matching
import numpy as np
import torch
from matching import RGB, StylizedImage
from numpy.typing import NDArray
from program import Row, run, show
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn import functional as F

from fststyle.io import images
from fststyle.train.data.loader import style_tensor, to_tensor
from fststyle.train.losses.gram import gram_matrix
from fststyle.train.losses.johnson import content_loss, style_loss
from fststyle.train.losses.perceptual import CONTENT_LAYER, STYLE_LAYERS
from fststyle.train.networks.vgg import VGG16, load_vgg

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]
Figures = dict[str, float | None]

EXAMPLES = Path(__file__).parents[1] / "examples"
BANDS = ((2, 4), (4, 8), (8, 16), (16, 32), (32, 64))
"""Octaves of wavelength in pixels."""
FLAT = 2.5
"""Standard deviation of L below which a region of the photo is flat."""
MIN_FLAT = 0.04
"""Minimum fraction of flat regions in a photo for their metrics."""
COVERAGE_LAYERS = ("relu3_1", "relu4_1", "relu4_2")
"""VGG-16 layers of details, forms and from pic. The style and content losses of `fststyle train` use other
layers.
"""
SIZES = (256, 384)
"""Shorter sides of the painting for content and style, in pixels."""
SCALES, COVERAGE_SCALES = (1, 2, 4), (1, 2)
"""Downscaling factors for style, and for details, forms and from pic."""
KEYS, QUERIES = 4096, 1024
"""Maximum numbers of patches per image in a nearest-neighbor search: of candidates, and of patches whose
nearest neighbor is searched.
"""
_OCTAVES = tuple(f"{kind}_{low}_{high}" for kind in ("light", "chroma") for low, high in BANDS)
GEOMETRIC = (*_OCTAVES, "chroma")
"""Metrics that are ratios, so their mean over photos is geometric."""


def lab(rgb: RGB) -> Map:
    """Convert an sRGB image, uint8 (H, W, 3), to CIE Lab, float32 (H, W, 3), with L from 0 to 100."""
    return np.asarray(cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2Lab))


def blur(image: Map, sigma: float) -> Map:
    """Return the image, blurred by a Gaussian with the standard deviation `sigma` in pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))


def blur_within(image: Map, weight: Map, sigma: float) -> Map:
    """Return the Gaussian blur of (H, W) or (H, W, C), weighted by `weight`, (H, W)."""
    total = np.maximum(blur(weight, sigma), 1e-4)
    if image.ndim == 3:
        weight, total = weight[..., None], total[..., None]
    return np.asarray(blur(image * weight, sigma) / total)


def spread(light: Map, sigma: float) -> Map:
    """Return the local standard deviation of a channel."""
    return np.asarray(np.sqrt(np.maximum(blur(light * light, sigma) - blur(light, sigma) ** 2, 0)))


def flat_regions(photo: Map) -> Mask:
    """Return the mask of the regions in which a photo (in Lab) is smooth."""
    return np.asarray(spread(photo[..., 0], 6) < FLAT)


def bands(image: Map, mask: Mask) -> dict[str, float]:
    """Return the RMS of L and of (a, b) in each of `BANDS`, within the mask."""
    weight = mask.astype(np.float32)
    # A Gaussian of 0.1874 wavelengths halves the amplitude.
    limits = (BANDS[0][0], *(high for _, high in BANDS))
    levels = [blur_within(image, weight, 0.1874 * wavelength) for wavelength in limits]
    found = {}
    for (low, high), fine, coarse in zip(BANDS, levels[:-1], levels[1:], strict=True):
        band = (fine - coarse)[mask]
        found[f"light_{low}_{high}"] = float(np.sqrt(np.mean(band[:, 0] ** 2)))
        found[f"chroma_{low}_{high}"] = float(np.sqrt(np.mean((band[:, 1:] ** 2).sum(1))))
    return found


def autocorrelation(signal: Map, weight: Map, reach: int) -> Map:
    """Return the weighted mean product of a signal with itself at every shift up to `reach`.

    The shape is (2 `reach` + 1, 2 `reach` + 1). The value is 0 for a shift with few pairs of positions: less
    than a quarter of those without shift.
    """
    height, width = (cv2.getOptimalDFTSize(side + reach) for side in signal.shape)

    def products(x: Map) -> NDArray[np.float64]:
        power = np.abs(np.fft.rfft2(x, (height, width))) ** 2
        shifted = np.roll(np.fft.irfft2(power, (height, width)), (reach, reach), (0, 1))
        return np.asarray(shifted[: 2 * reach + 1, : 2 * reach + 1])

    pairs = products(weight)
    found = products(signal * weight) / np.maximum(pairs, 1)
    found[pairs < 0.25 * pairs[reach, reach]] = 0
    return found.astype(np.float32)


def highest_peak(correlation: Map, floor: float, least: int = 4) -> float:
    """Return the highest local maximum at a shift of at least `least`, relative to the value without shift
    plus `floor`; 0 if there is none.

    The height of a maximum is its value or its rise above the lowest value on the way to the center,
    whichever is less. Along a broad brush stroke, the correlation falls slowly and has bumps that are not a
    repetition.
    """
    reach = len(correlation) // 2
    relative = blur(correlation / (correlation[reach, reach] + floor), 1)
    rows, columns = np.nonzero(relative == cv2.dilate(relative, np.ones((7, 7))))
    best = 0.0
    for y, x in zip(rows, columns, strict=True):
        distance = float(np.hypot(y - reach, x - reach))
        # The correlation is symmetric: one half is enough.
        if y < reach or not least <= distance <= reach - 2 or relative[y, x] <= best:
            continue
        way = np.linspace(0, 1, int(distance) + 1)
        on_way = relative[_rounded(reach + way * (y - reach)), _rounded(reach + way * (x - reach))]
        best = max(best, min(float(relative[y, x]), float(relative[y, x] - on_way.min())))
    return best


def _rounded(places: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the positions as indices."""
    return np.rint(places).astype(np.int64)


def repetition(light: Map, mask: Mask, reach: int = 64) -> float:
    """Return the repetition of the texture within the mask: 0 (none) to 1 (exact)."""
    weight = mask.astype(np.float32)
    detail = (light - blur_within(light, weight, 12)) * weight
    return _peak(detail, weight, reach, 1)


def _peak(detail: Map, weight: Map, reach: int, floor: float) -> float:
    """Return the highest peak of the autocorrelation of `detail`, minus the value expected by chance, but not
    below 0.
    """
    correlation = autocorrelation(detail, weight, reach)
    return max(0.0, highest_peak(correlation, floor) - _chance(correlation, float(weight.sum())))


def _chance(correlation: Map, places: float) -> float:
    """Return the peak that irregular texture has by chance: 2.5 standard errors, by Bartlett's formula."""
    reach = len(correlation) // 2
    relative = correlation / (correlation[reach, reach] + 1e-6)
    rows, columns = np.indices(relative.shape) - reach
    radius = np.hypot(rows, columns).astype(int)
    mean = np.bincount(radius.ravel(), relative.ravel()) / np.bincount(radius.ravel())
    lobe = int(np.argmax(mean < 0.2)) or reach
    return 2.5 * float(np.sqrt((relative[radius < lobe] ** 2).sum() / max(places, 1)))


def stripes(light: Map, photo: Map, side: int = 96) -> float:
    """Return the repetition in windows of the whole image, minus that of the photo."""
    side = min(side, *light.shape)
    whole, found = np.ones((side, side), np.float32), []
    fine, theirs = light - blur(light, 12), photo - blur(photo, 12)
    for top in _steps(light.shape[0], side):
        for left in _steps(light.shape[1], side):
            window = np.s_[top : top + side, left : left + side]
            ours, its = (_peak(detail[window], whole, side * 5 // 12, 4) for detail in (fine, theirs))
            found.append(ours - its)
    return float(np.mean(found))


def _steps(length: int, side: int) -> list[int]:
    """Return the start positions of windows of `side` that overlap by half."""
    return list(range(0, length - side + 1, max(1, side // 2)))


def halos(image: Map, photo: Map) -> tuple[float, float] | None:
    """Return halo and tint, as the module describes them; None if no flat region has a strong edge.

    Both images are Lab, (H, W, 3).
    """
    light = photo[..., 0]
    smoothed = blur(light, 1.5)
    steps = np.hypot(cv2.Sobel(smoothed, cv2.CV_32F, 1, 0), cv2.Sobel(smoothed, cv2.CV_32F, 0, 1)) / 8
    if not (steps > 4).any():
        return None
    distance = cv2.distanceTransform((steps <= 4).astype(np.uint8), cv2.DIST_L2, 5)
    smooth = (spread(light, 2) < FLAT).astype(np.uint8)
    count, labels = cv2.connectedComponents(cv2.erode(smooth, np.ones((5, 5))))
    overshoot, tint, weights = [], [], []
    for label in range(1, count):
        place = labels == label
        near, far = place & (distance < 20), place & (distance > 40) & (distance < 120)
        if min(near.sum(), far.sum()) < 0.002 * place.size:
            continue
        there = far.astype(np.float32)
        # Only where the photo has nearly the same color near the edge and far from it.
        same = np.linalg.norm(photo - blur_within(photo, there, 40), axis=2) < 6
        reached = near & (blur(there, 40) > 0.02) & same
        if reached.sum() < 0.001 * place.size:
            continue
        change = image - blur_within(image, there, 40)
        # Positive where the region is lighter than the other side of the edge. A halo is then even lighter.
        sign = np.sign(light - blur_within(light, 1 - place.astype(np.float32), 12))
        # The median, since a few large forms next to an edge are not a glow along it.
        soft = blur_within(change, there + near, 4)
        overshoot.append(float(np.median((soft[..., 0] * sign)[reached])))
        color = np.linalg.norm(soft[..., 1:], axis=2)
        tint.append(float(np.median(color[reached]) - np.median(color[far])))
        weights.append(int(reached.sum()))
    if not weights:
        return None
    return float(np.average(overshoot, weights=weights)), float(np.average(tint, weights=weights))


class Colors:
    """Distributions of hue and of tonal areas of an image in Lab."""

    def __init__(self, image: Map):
        height, width = (side // 4 for side in image.shape[:2])
        whole = image[: 4 * height, : 4 * width]
        squares = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA).reshape(-1, 3)
        light, chroma = squares[:, 0], np.hypot(squares[:, 1], squares[:, 2])
        angle = np.degrees(np.arctan2(squares[:, 2], squares[:, 1])) % 360
        self.chroma = float(chroma.mean())
        # Gray has no hue, and its low chroma gives it a low weight.
        hues = np.histogram(angle, 72, (0, 360), weights=chroma)[0]
        self.hues = hues / max(hues.sum(), 1e-6)
        kinds = np.select([light < 25, light > 80, chroma < 10], [0, 1, 2], 3)
        self.areas = np.bincount(kinds, minlength=4) / len(kinds)

    def hue_distance(self, other: "Colors") -> float:
        """Return the mean angle in degrees by which hues have to be rotated to match those of `other`."""
        ahead = np.cumsum(self.hues - other.hues)
        # On a circle, the optimal flow is the difference minus its median.
        return float(np.abs(ahead - np.median(ahead)).sum() * 5)

    def lost(self, image: "Colors") -> float:
        """Return the fraction of the chroma of this painting in hues that `image` nearly lacks."""
        ours, theirs = (c.chroma * np.roll(c.hues, 3).reshape(12, 6).sum(1) for c in (self, image))
        return float(ours[theirs < ours / 3].sum() / max(ours.sum(), 1e-6))

    def area_distance(self, other: "Colors") -> float:
        """Return the fraction of the image that would have to change its tonal area to match `other`."""
        return float(np.abs(self.areas - other.areas).sum() / 2)


def patches(found: Tensor) -> Tensor:
    """Return up to `KEYS` vectors (N, C) of features (1, C, H, W), at random positions that are the same for
    features of the same size.
    """
    flat = found[0].flatten(1).T
    return flat[torch.randperm(len(flat), generator=torch.Generator().manual_seed(0))[:KEYS]]


def nearest(queries: Tensor, keys: Tensor) -> float:
    """Return the mean cosine distance from each of the first `QUERIES` of `queries`, (N, C), to the most
    similar of `keys`, (M, C).
    """
    products = F.normalize(queries[:QUERIES]) @ F.normalize(keys).T
    return (1 - products.max(1).values).clamp(min=0).mean().item()


class Target:
    """The features and statistics of a painting, with which images are compared."""

    def __init__(self, path: Path, size: int, vgg: VGG16):
        self.vgg = vgg
        rgb = images.read(path).opaque
        factor = size / min(rgb.shape[:2])
        height, width = (max(16, round(side * factor)) for side in rgb.shape[:2])
        image = matching.scaled(rgb, height, width)
        colors = lab(image)
        self.bands = bands(colors, np.ones(colors.shape[:2], bool))
        self.colors = Colors(colors)
        judged = self._judged(to_tensor(image)[None])
        self.patches = {name: patches(found) for name, found in judged.items()}
        self.means = {name: found.mean(0) for name, found in self.patches.items()}
        styles = {side: style_tensor(path, side) for side in SIZES}
        self.strength = vgg(styles[max(SIZES)], (CONTENT_LAYER,))[CONTENT_LAYER].square().mean()
        self.grams = {(side, scale): self._grams(x, scale) for side, x in styles.items() for scale in SCALES}

    def _judged(self, image: Tensor) -> dict[tuple[int, str], Tensor]:
        found = {scale: self.vgg(_pooled(image, scale), COVERAGE_LAYERS) for scale in COVERAGE_SCALES}
        return {(scale, name): layer for scale, layers in found.items() for name, layer in layers.items()}

    def _grams(self, image: Tensor, scale: int) -> dict[str, Tensor]:
        found = self.vgg(_pooled(image, scale), tuple(STYLE_LAYERS))
        return {name: gram_matrix(activation) for name, activation in found.items()}


def _pooled(image: Tensor, scale: int) -> Tensor:
    return F.avg_pool2d(image, scale) if scale > 1 else image


def objectives(image: RGB, photo: RGB, target: Target) -> Figures:
    """Return the metrics that need the loss network: coverage, content and style."""
    x, figures = to_tensor(image)[None], Figures()
    kept = target.vgg(to_tensor(photo)[None], (CONTENT_LAYER,))[CONTENT_LAYER]
    there: dict[int, list[float]] = {scale: [] for scale in COVERAGE_SCALES}
    back: list[float] = []
    style: dict[int, list[float]] = {size: [] for size in SIZES}
    for scale in SCALES:
        judges = COVERAGE_LAYERS if scale in COVERAGE_SCALES else ()
        found = target.vgg(_pooled(x, scale), (*STYLE_LAYERS, *judges))
        for name in judges:
            mean = target.means[scale, name]
            ours, theirs = patches(found[name]) - mean, target.patches[scale, name] - mean
            there[scale].append(nearest(theirs, ours))
            back.append(nearest(ours, theirs))
        for size in SIZES:
            wanted = target.grams[size, scale]
            losses = {name: style_loss(found[name], wanted[name]).item() for name in STYLE_LAYERS}
            norms = {name: gram.square().mean().item() for name, gram in wanted.items()}
            style[size].append(sum(losses[name] / norms[name] for name in STYLE_LAYERS))
            if scale == 1:
                content = content_loss(found[CONTENT_LAYER], kept).item()
                figures[f"classic_{size}"] = (content + 3 * sum(losses.values())) / 1000
    relative = content / target.strength.item()
    figures |= {f"style_{size}": float(np.mean(style[size])) for size in SIZES}
    figures |= {f"sum_{size}": relative + float(np.mean(style[size])) for size in SIZES}
    return {
        "coverage_details": float(np.mean(there[1])),
        "coverage_forms": float(np.mean(there[2])),
        "coverage_image": float(np.mean(back)),
        "content": relative,
        **figures,
    }


def measure(image: RGB, photo: RGB, target: Target) -> Figures:
    """Return all metrics of an image and its photo, which have the same size. A metric is None where the
    photo has too few flat regions for it.
    """
    ours, theirs = lab(image), lab(photo)
    flat = flat_regions(theirs)
    figures: Figures = dict.fromkeys((*GEOMETRIC, "repetition"), None)
    if flat.mean() >= MIN_FLAT:
        found = bands(ours, flat)
        ratios = {name: found[name] / max(target.bands[name], 1e-3) for name in _OCTAVES}
        chroma = [ratios[f"chroma_{low}_{high}"] for low, high in BANDS[1:]]
        figures |= {**ratios, "chroma": _geometric(chroma)}
        figures["repetition"] = repetition(ours[..., 0], flat)
    overshoot, tint = halos(ours, theirs) or (None, None)
    colors = Colors(ours)
    height, width = (side // 8 * 8 for side in image.shape[:2])
    figures |= {
        "flat": float(flat.mean()),
        "stripes": stripes(ours[..., 0], theirs[..., 0]),
        "halo": overshoot,
        "tint": tint,
        "weave": artifacts.weave(image),
        "grid_4": artifacts.grid(image[:height, :width], 4),
        "grid_8": artifacts.grid(image[:height, :width], 8),
        "hue": colors.hue_distance(target.colors),
        "lost": target.colors.lost(colors),
        "areas": colors.area_distance(target.colors),
    }
    with torch.no_grad():
        return {**figures, **objectives(image, photo, target)}


def main() -> int:
    args = _arguments()
    if args.threads:
        torch.set_num_threads(args.threads)
        cv2.setNumThreads(args.threads)

    def report(rows: list[Row]) -> None:
        if args.json:
            found = {"size": args.size, "longest": args.longest, "rows": rows, "means": means(rows)}
            print(json.dumps(found, indent=1))
        else:
            _print(rows, each=args.each)

    return run(lambda console: list(_rows(args, console)), report)


def _arguments() -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    add = parser.add_argument
    add("what", nargs="+", metavar="WHAT", help="style, stylized image, folder or pattern; or SYSTEM=WHAT")
    add("--painting", action="append", required=True, help="file, NAME=FILE, or a folder of paintings")
    add("--photo", action="append", help="file, NAME=FILE, or a folder of photos (default: examples/)")
    add("--size", type=int, default=384, help="shorter side of the painting, except for content and style")
    add("--longest", type=int, default=720, help="longer side to which larger images are scaled down")
    add("--baseline", action="store_true", help="also measure the photos")
    add("--each", action="store_true", help="also print a row for each image")
    add("--threads", type=int, default=0, help="threads of the metrics and of the styles")
    add("--json", action="store_true", help="print JSON instead of tables")
    args = parser.parse_args()
    if args.size < 64 or args.longest < 128:
        parser.error("--size must be at least 64, and --longest at least 128")
    return args


def gather(
    args: argparse.Namespace, paintings: dict[str, Path], photos: dict[str, Path]
) -> list[StylizedImage]:
    """Return the images to measure, sorted by painting, then in the order of the arguments."""
    found: list[StylizedImage] = []
    for text in args.what:
        found += matching.stylized_images(text, paintings, photos, args.threads)
    if args.baseline:
        judged = dict.fromkeys((image.painting, image.photo) for image in found)
        found += [StylizedImage(painting, photo, "photo itself", photos[photo]) for painting, photo in judged]
    order = list(paintings)
    return sorted(found, key=lambda image: order.index(image.painting))


def _rows(args: argparse.Namespace, console: Console) -> Iterator[Row]:
    paintings, photos = matching.by_name(args.painting), matching.by_name(args.photo or [str(EXAMPLES)])
    vgg = load_vgg()
    target: tuple[str, Target] | None = None
    heights: dict[str, int] = {}
    for what in gather(args, paintings, photos):
        with console.status(f"{what.painting}: {what.system}, {what.photo}"):
            if target is None or target[0] != what.painting:
                with torch.no_grad():
                    target = what.painting, Target(paintings[what.painting], args.size, vgg)
            image = what.load()
            if (longest := max(image.shape[:2])) > args.longest:
                height, width = (round(side * args.longest / longest) for side in image.shape[:2])
                image = matching.scaled(image, height, width)
            photo = images.read(photos[what.photo]).opaque
            image, photo = matching.same_size(image, photo)
            if abs(heights.setdefault(what.photo, len(photo)) - len(photo)) > 0.1 * len(photo):
                warning = f"warning: {what.photo} has images of several sizes; see --longest"
                console.print(warning, highlight=False)
            figures = measure(image, photo, target[1])
        height, width = image.shape[:2]
        names = {"painting": what.painting, "system": what.system, "photo": what.photo}
        yield {**names, "size": f"{width}x{height}", **figures}


def _geometric(values: list[float]) -> float:
    """Return the geometric mean."""
    return float(np.exp(np.mean(np.log(np.maximum(values, 1e-3)))))


def means(rows: list[Row]) -> list[Row]:
    """Return one row per painting and system: the mean of each metric over the photos that have it. The mean
    of a ratio (`GEOMETRIC`) is geometric.
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["painting"], row["system"]), []).append(row)
    found = []
    for (painting, system), group in groups.items():
        mean: Row = {"painting": painting, "system": system, "photos": len(group)}
        for name in (name for name, value in group[0].items() if not isinstance(value, str)):
            values = [row[name] for row in group if row[name] is not None]
            if values and name in GEOMETRIC:
                mean[name] = _geometric(values)
            else:
                mean[name] = float(np.mean(values)) if values else None
        found.append(mean)
    return found


DEFECTS = {
    **{f"L {low}-{high}": f"light_{low}_{high}" for low, high in BANDS},
    "C": "chroma",
    "repeat": "repetition",
    "stripes": "stripes",
    "halo": "halo",
    "tint": "tint",
    "weave": "weave",
    "grid 4": "grid_4",
    "grid 8": "grid_8",
}
LIKENESS = {
    "details": "coverage_details",
    "forms": "coverage_forms",
    "from pic": "coverage_image",
    "hue": "hue",
    "lost": "lost",
    "areas": "areas",
    "content": "content",
    **{f"{kind} {size}": f"{kind}_{size}" for kind in ("style", "sum", "classic") for size in SIZES},
}
"""Columns of the two tables, and their metrics."""
DIGITS = {"halo": 1, "tint": 1, "hue": 0, **{f"classic_{size}": 0 for size in SIZES}}


def _print(rows: list[Row], *, each: bool) -> None:
    for title, columns in (
        ("flat regions and artifacts", DEFECTS),
        ("similarity to painting and photo", LIKENESS),
    ):
        table = Table(title=title)
        for name in ("painting", "system", "photo" if each else "photos"):
            table.add_column(name, overflow="fold")
        for name in columns:
            table.add_column(name, justify="right")
        for mean in means(rows):
            names = mean["painting"], mean["system"]
            for row in rows:
                if each and (row["painting"], row["system"]) == names:
                    table.add_row(*names, row["photo"], *(_cell(row, name) for name in columns.values()))
            figures = [_cell(mean, name) for name in columns.values()]
            table.add_row(*names, "mean" if each else str(mean["photos"]), *figures, end_section=each)
        show(table)


def _cell(row: Row, name: str) -> str:
    return "" if row[name] is None else f"{row[name]:.{DIGITS.get(name, 2)}f}"


if __name__ == "__main__":
    sys.exit(main())
