"""Parser for weighted lists such as ``udnie:0.6,great-wave:0.4``."""

from fststyle.errors import InputError

MAX_PARTS = 16
"""Maximum number of names."""
MAX_WEIGHT = 1e6
"""Maximum weight, so that sums and weighted losses do not overflow."""


def parse(text: str, flag: str = "--style") -> list[tuple[str, float]]:
    """Parse a weighted list such as ``"udnie:0.6,great-wave:0.4"`` into a list of (name, weight) pairs.

    A name may also be the path of a file. A name without a weight has weight 1. The weights are then divided
    by their sum, so that they sum to 1. ``flag`` is the command-line option to name in error messages.

    Raises:
        InputError: a name is empty, a weight is not a number above 0 and at most `MAX_WEIGHT`, a single name
            has a weight other than 1, or there are more than `MAX_PARTS` names.
    """
    found = weights(text, flag)
    if len(found) == 1 and found[0][1] != 1:
        hint = " (--strength sets the strength of one style)" if flag == "--style" else ""
        raise InputError(f"{flag}: {text!r} is a single name with a weight other than 1{hint}")
    total = sum(share for _, share in found)
    return [(name, share / total) for name, share in found]


def weights(text: str, flag: str) -> list[tuple[str, float]]:
    """Parse a weighted list as `parse` does, but without normalization. A single name may also have a weight
    other than 1.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise InputError(f"{flag}: {text!r} contains an empty name; use NAME or NAME:WEIGHT,NAME:WEIGHT")
    if len(parts) > MAX_PARTS:
        raise InputError(f"{flag}: {len(parts)} names were given; at most {MAX_PARTS} are allowed")
    return [_part(part, text, flag) for part in parts]


def _part(part: str, text: str, flag: str) -> tuple[str, float]:
    name, colon, number = part.rpartition(":")
    if not colon or "\\" in number or "/" in number:  # no weight, or the colon of a drive letter
        return part, 1.0
    try:
        share = float(number)
    except ValueError:
        raise InputError(f"{flag}: the weight {number!r} in {text!r} is not a number") from None
    if not name:
        raise InputError(f"{flag}: {text!r} contains a weight without a name")
    if not 0 < share <= MAX_WEIGHT:
        raise InputError(f"{flag}: the weights in {text!r} must be above 0 and at most {MAX_WEIGHT:,.0f}")
    return name, share
