"""The picture at the top of the README: the example photos, and each of them in every shipped style.

python tools/gallery.py docs/gallery.jpg
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import fststyle

PHOTOS = ("astronaut", "chelsea", "china", "rocket")
HEIGHT, GAP, CAPTION = 160, 6, 20


def main(output: str) -> None:
    folder = Path(__file__).parents[1] / "examples"
    photos = [np.asarray(Image.open(folder / f"{name}.jpg").convert("RGB")) for name in PHOTOS]
    rows = [("photos", photos)]
    for entry in fststyle.styles():
        style = fststyle.load_style(entry.name)
        # Painted at full size and then made smaller, as a visitor would see them.
        rows.append(
            (f"{entry.name}: {entry.artist}, {entry.title}, {entry.year}", [style(photo) for photo in photos])
        )
    widths = [round(photo.shape[1] * HEIGHT / photo.shape[0]) for photo in photos]
    sheet = Image.new(
        "RGB", (sum(widths) + GAP * (len(widths) - 1), (HEIGHT + CAPTION + GAP) * len(rows)), "white"
    )
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for row, (caption, pictures) in enumerate(rows):
        top = row * (HEIGHT + CAPTION + GAP)
        draw.text((2, top + 3), caption, fill="black", font=font)
        left = 0
        for picture, width in zip(pictures, widths, strict=True):
            sheet.paste(
                Image.fromarray(picture).resize((width, HEIGHT), Image.Resampling.LANCZOS),
                (left, top + CAPTION),
            )
            left += width + GAP
    sheet.save(output, quality=76)


if __name__ == "__main__":
    main(sys.argv[1])
