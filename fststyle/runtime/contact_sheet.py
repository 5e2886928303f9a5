"""Make a contact sheet: one photo in several styles, with captions."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fststyle.catalogue import Entry, load
from fststyle.errors import StyleError
from fststyle.io import images
from fststyle.io.images import Picture
from fststyle.runtime.image import stylize_picture
from fststyle.runtime.settings import ImageSettings
from fststyle.runtime.style import Style

_GAP = 8
_LABEL = 28


def contact_sheet(
    picture: Picture, entries: Sequence[Entry], size: int = 384, device: str = "auto"
) -> tuple[Picture, list[StyleError]]:
    """Return a contact sheet of an image in several styles, and the errors of styles that failed.

    The sheet shows the first frame of ``picture`` without its alpha, and its stylized versions, each with a
    caption. Styles that fail are left out. The styles are loaded one after another.

    Args:
        picture: the image.
        entries: catalogue entries of the styles.
        size: longer side of each image on the sheet in pixels.
        device: see `fststyle.runtime.style.load_style`.

    Raises:
        InputError: ``size`` is below 16, or memory is insufficient.
        DeviceError: the device is unknown or not available.
        DependencyError: ONNX Runtime is not installed.
    """
    photo = images.resize(picture.frames[0].rgb, size)
    still = images.Picture([images.Frame(photo)])
    shown = [("photo", photo)]
    failed: list[StyleError] = []
    for entry in entries:
        try:
            style = Style(entry.name, load(entry), device, smooth=entry.smooth, detail=entry.detail)
            shown.append((entry.name, stylize_picture(still, style, ImageSettings()).frames[0].rgb))
        except StyleError as error:
            failed.append(error)

    height, width = photo.shape[:2]
    columns = max(1, min(len(shown), round(math.sqrt(len(shown) * height / width))))
    rows = -(-len(shown) // columns)
    sheet = Image.new(
        "RGB", (columns * (width + _GAP) + _GAP, rows * (height + _GAP + _LABEL) + _GAP), "white"
    )
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(16)
    for index, (name, rgb) in enumerate(shown):
        left, top = (
            _GAP + index % columns * (width + _GAP),
            _GAP + index // columns * (height + _GAP + _LABEL),
        )
        sheet.paste(Image.fromarray(rgb), (left, top))
        draw.text((left + width / 2, top + height + _LABEL / 2), name, fill="black", font=font, anchor="mm")
    return images.Picture([images.Frame(np.array(sheet))], picture.icc), failed
