"""Write the image at the top of the README: example photos in included styles.

python tools/gallery.py docs/gallery.jpg
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import fststyle

ROWS = {
    "china": ("starry-night", "great-wave", "composition-vii", "portrait-of-metzinger"),
    "astronaut": ("udnie", "woman-with-a-hat", "composition-viii", "village-street-auvers"),
    "chelsea": ("composition-vii", "udnie", "portrait-of-metzinger", "the-scream"),
}
"""Photo of each row -> styles in that row."""
TILE, GAP, CAPTION = 320, 6, 24
"""Side of an image, gap between images, and height of a caption, in pixels."""


def main(output: str) -> None:
    folder = Path(__file__).parents[1] / "examples"
    titles = {entry.name: f"{entry.title.split(' (')[0]}, {entry.artist}" for entry in fststyle.styles()}
    columns = 1 + max(len(names) for names in ROWS.values())
    size = columns * (TILE + GAP) - GAP, len(ROWS) * (TILE + CAPTION + GAP) - GAP
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for row, (name, styles) in enumerate(ROWS.items()):
        photo = np.asarray(Image.open(folder / f"{name}.jpg").convert("RGB"))
        tiles = [("photo", photo), *((titles[style], fststyle.stylize(photo, style)) for style in styles)]
        for column, (caption, image) in enumerate(tiles):
            left, top = column * (TILE + GAP), row * (TILE + CAPTION + GAP)
            sheet.paste(square(image), (left, top))
            draw.text((left + 2, top + TILE + 3), fitted(caption, font), fill="black", font=font)
    sheet.save(output, quality=85)


def square(image: NDArray[np.uint8]) -> Image.Image:
    """Return the central square of an image, scaled to `TILE` pixels."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    crop = Image.fromarray(image[top : top + side, left : left + side])
    return crop.resize((TILE, TILE), Image.Resampling.LANCZOS)


def fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Return `text`, shortened with an ellipsis if it is wider than an image."""
    short = text
    while font.getlength(short) > TILE - 4:
        short = short[:-2].rstrip() + "…"
    return short


if __name__ == "__main__":
    main(sys.argv[1])
