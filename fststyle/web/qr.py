"""QR codes of the address of the server, for phones."""

import io


def text(address: str) -> str:
    """The code as lines for a terminal."""
    import segno

    out = io.StringIO()
    segno.make(address, micro=False).terminal(out, compact=True)
    return out.getvalue()


def picture(address: str) -> str:
    """The code as an SVG picture in a data URI."""
    import segno

    uri: str = segno.make(address, micro=False).svg_data_uri(scale=8, dark="#000", light="#fff")
    return uri
