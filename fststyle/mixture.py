"""Several things in one argument, each with how much of it: ``udnie-live:0.6,great-wave:0.4``."""

from fststyle.errors import InputError

MAXIMUM_PARTS = 16
LARGEST = 1e6
"""A share may be this large, so that no sum of them, and no loss that one weighs, is beyond all numbers."""


def parse(text: str, flag: str = "--style") -> list[tuple[str, float]]:
    """``"udnie-live:0.6,great-wave:0.4"`` -> names or files with their shares, which sum to 1; a name alone
    has the share 1 before that.

    Raises `InputError`, which names the argument ``flag``, for shares that are no numbers above 0 and up to
    `LARGEST`, a share of one alone, and more than `MAXIMUM_PARTS` parts.
    """
    found = weights(text, flag)
    if len(found) == 1 and found[0][1] != 1:
        hint = " (for less of one style there is --strength)" if flag == "--style" else ""
        raise InputError(f"{flag}: {text!r} has a share and nothing to share with{hint}")
    total = sum(share for _, share in found)
    return [(name, share / total) for name, share in found]


def weights(text: str, flag: str) -> list[tuple[str, float]]:
    """As `parse`, but the numbers stay as they are written."""
    parts = [part.strip() for part in text.split(",")]
    if not all(parts) or len(parts) > MAXIMUM_PARTS:
        raise InputError(f"{flag}: {text!r} is not NAME or NAME:SHARE,NAME:SHARE (at most {MAXIMUM_PARTS})")
    return [_part(part, text, flag) for part in parts]


def _part(part: str, text: str, flag: str) -> tuple[str, float]:
    name, colon, number = part.rpartition(":")
    if not colon or "\\" in number or "/" in number:  # no share, or a drive letter's colon
        return part, 1.0
    try:
        share = float(number)
    except ValueError:
        raise InputError(f"{flag}: in {text!r} the share {number!r} is not a number") from None
    if not name or not 0 < share <= LARGEST:
        raise InputError(f"{flag}: in {text!r} a share must be above 0 and at most {LARGEST:,.0f}")
    return name, share
