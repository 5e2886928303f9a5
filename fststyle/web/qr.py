"""QR codes of the server address, for phones."""

import io


def text(address: str) -> str:
    """Return the QR code of an address as several lines of text for a terminal."""
    import segno

    out = io.StringIO()
    segno.make(address, micro=False).terminal(out, compact=True)
    return out.getvalue()


def picture(address: str) -> str:
    """Return the QR code of an address as an SVG image in a data URI."""
    import segno

    uri: str = segno.make(address, micro=False).svg_data_uri(scale=8, dark="#000", light="#fff")
    return uri
