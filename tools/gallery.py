"""Draw the picture at the top of the README: the example photos in every live style that ships.

python tools/gallery.py docs/gallery.jpg
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import fststyle

PHOTOS = ("china", "astronaut", "rocket", "chelsea")
TILE, GAP, CAPTION, COLUMNS = 300, 6, 24, 5


def main(output: str) -> None:
    folder = Path(__file__).parents[1] / "examples"
    photos = [np.asarray(Image.open(folder / f"{name}.jpg").convert("RGB")) for name in PHOTOS]
    live = [entry for entry in fststyle.styles() if entry.network == "live"]
    # The photo itself, then each style on the next photo, so that neighbors show different things.
    tiles = [("the photo", photos[0])]
    for number, entry in enumerate(live):
        caption = f"{entry.title.split(' (')[0]}, {entry.artist.split()[-1]}"
        tiles.append((caption, fststyle.load_style(entry.name)(photos[number % len(photos)])))
    rows = -(-len(tiles) // COLUMNS)
    width = COLUMNS * (TILE + GAP) - GAP
    sheet = Image.new("RGB", (width, rows * (TILE + CAPTION + GAP) - GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for number, (caption, picture) in enumerate(tiles):
        left, top = number % COLUMNS * (TILE + GAP), number // COLUMNS * (TILE + CAPTION + GAP)
        sheet.paste(square(picture), (left, top))
        draw.text((left + 2, top + TILE + 3), fitted(caption, font), fill="black", font=font)
    sheet.save(output, quality=85)


def square(picture: NDArray[np.uint8]) -> Image.Image:
    """The middle of a picture, `TILE` pixels a side."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    crop = Image.fromarray(picture[top : top + side, left : left + side])
    return crop.resize((TILE, TILE), Image.Resampling.LANCZOS)


def fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """`text`, shortened to the width of a tile."""
    short = text
    while font.getlength(short) > TILE - 4:
        short = short[:-2].rstrip() + "…"
    return short


if __name__ == "__main__":
    main(sys.argv[1])
