"""Write a cleaned scan of a print for training: without grain, with crisp lines and nearly the full range of
tones.

    python tools/clean_scan.py great-wave.jpg clean/great-wave.png --right 0.62
    fststyle train --style clean/great-wave.png --style-size 640 --contrast 1 --style-weight 14 --fine 0.4

The style loss compares textures, so a network learns the grain of the paper and the noise of the JPEG file as
texture, and draws them over all flat regions. Non-local means (Buades et al. 2005) and a bilateral filter
remove them. The tones are then stretched to nearly the full range, the saturation is increased, and the lines
are sharpened. This suits prints with flat colors; it would remove the brush strokes of an oil painting.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from fststyle.arrays import RGB
from fststyle.colors import LUMA
from fststyle.io import images


def clean(rgb: RGB, side: int, saturation: float) -> RGB:
    """Return the cleaned image, uint8 (side, W * side / H, 3).

    Args:
        rgb: the scan, uint8 (H, W, 3).
        side: height of the result in pixels.
        saturation: factor by which the saturation is multiplied.
    """
    bgr = cv2.fastNlMeansDenoisingColored(
        cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR),
        h=6,
        hColor=10,
        templateWindowSize=5,
        searchWindowSize=15,
    )
    height, width = bgr.shape[:2]
    bgr = cv2.resize(bgr, (round(width * side / height), side), interpolation=cv2.INTER_CUBIC)
    for _ in range(2):
        bgr = cv2.bilateralFilter(bgr, 7, 22, 4)
    colors = bgr[..., ::-1].astype(float)
    light = colors @ np.array(LUMA)
    low, high = np.percentile(light, [1, 99])
    stretched = (light - low) / max(1.0, high - low) * 240 + 8
    colors = np.clip(stretched[..., None] + (colors - light[..., None]) * saturation, 0, 255).astype(np.uint8)
    blurred = cv2.GaussianBlur(colors, (0, 0), 1.2)
    return np.asarray(cv2.addWeighted(colors, 1.7, blurred, -0.7, 0), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scan", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--side", type=int, default=640, help="height of the result in pixels")
    parser.add_argument(
        "--saturation", type=float, default=1.4, help="factor by which the saturation is multiplied"
    )
    parser.add_argument(
        "--right", type=float, default=1.0, help="right edge of the part to keep, as a fraction of the width"
    )
    args = parser.parse_args()
    cleaned = clean(images.read(args.scan).opaque, args.side, args.saturation)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    part = cleaned[:, : max(1, int(cleaned.shape[1] * args.right))]
    images.write(images.Picture([images.Frame(part, None, None)]), args.out)


if __name__ == "__main__":
    main()
