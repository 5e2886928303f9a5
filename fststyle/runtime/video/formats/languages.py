"""Convert language codes of streams for MOV.

MOV stores a language as an index into Apple's list. ISO 639-2 has two three-letter codes for some languages.
FFmpeg accepts one code or name of each language for MOV, and ignores the others.
"""

_IN_MOV = {
    **{"bod": "tib", "cym": "wel", "cze": "ces", "deu": "ger", "ell": "gre", "eus": "baq", "fre": "fra"},
    **{"hye": "arm", "isl": "ice", "kat": "geo", "mkd": "mac", "msa": "may", "mya": "bur", "nld": "dut"},
    **{"rum": "ron", "slo": "slk", "sqi": "alb", "zho": "chi"},
    **{"fao": "fo ", "hrv": "hr ", "pan": "pa ", "srp": "sr ", "swe": "sve"},
}
"""For some ISO 639-2 codes, the code or name of the same language that FFmpeg accepts for MOV."""


def written(language: str, kind: str) -> str:
    """Return an ISO 639-2 language code in the form that FFmpeg accepts for a container.

    ``kind`` is the FFmpeg name of the container. Codes change only for "mov".
    """
    return _IN_MOV.get(language.lower(), language) if kind == "mov" else language


def in_tags(metadata: dict[str, str], kind: str) -> dict[str, str]:
    """Return the tags of a stream with ``language`` converted by `written` for the container ``kind``."""
    return {
        key: written(value, kind) if key.lower() == "language" else value for key, value in metadata.items()
    }


def same(one: str, other: str) -> bool:
    """Return whether two ISO 639-2 codes, or codes returned by `written`, denote the same language."""
    return written(one, "mov").strip() == written(other, "mov").strip()
