"""Convert form values to settings."""

from typing import Annotated

from fastapi import Form

from fststyle.errors import InputError
from fststyle.runtime.settings import ImageSettings
from fststyle.settings import check
from fststyle.web.painting import checked_style


def paint_settings(
    style: Annotated[
        str, Form(max_length=400, description="Name of a style, or a mixture (udnie:0.6,great-wave:0.4).")
    ] = "starry-night",
    strength: Annotated[
        float,
        Form(
            description="Style strength: 0 keeps the photo, 1 is the trained style, higher values"
            " exaggerate it.",
            ge=0,
            le=2,
        ),
    ] = 1.0,
    brush: Annotated[
        str,
        Form(
            max_length=16, description="Brush stroke size relative to training, 0.25 to 8; empty: automatic."
        ),
    ] = "",
    detail: Annotated[
        str,
        Form(
            max_length=16,
            description="Sharp details of the photo to keep, 0 to 1; empty: recommended for the style.",
        ),
    ] = "",
    smooth: Annotated[
        str,
        Form(
            max_length=16,
            description="Pixels to smooth along brush strokes, 0 to 16; empty: recommended for the style.",
        ),
    ] = "",
    keep_colors: Annotated[bool, Form(description="Keep the colors of the photo.")] = False,
    size: Annotated[
        str,
        Form(max_length=16, description="Longer side of the result in pixels; empty: the size of the photo."),
    ] = "",
    quality: Annotated[
        int, Form(description="Quality of JPEG, WebP, AVIF, HEIC and JPEG XL output.", ge=1, le=100)
    ] = 95,
) -> ImageSettings:
    """Convert the values of a form to image settings. This is a FastAPI dependency.

    Raises `InputError` for an invalid value, and `StyleError` for an unknown style.
    """
    settings = ImageSettings(
        style=checked_style(style),
        strength=strength,
        brush=_number("brush", brush),
        detail=_number("detail", detail),
        smooth=_whole("smooth", smooth),
        keep_colors=keep_colors,
        size=_whole("size", size),
        quality=quality,
    )
    check(settings)
    return settings


def _number(name: str, text: str) -> float | None:
    """Return the number in ``text``, or None if it is blank. Raises `InputError` for other text."""
    try:
        return float(text) if text.strip() else None
    except ValueError:
        raise InputError(f"{name}: {text!r} is not a number") from None


def _whole(name: str, text: str) -> int | None:
    number = _number(name, text)
    if number is not None and not number.is_integer():
        raise InputError(f"{name}: {text!r} is not a whole number")
    return None if number is None else int(number)
