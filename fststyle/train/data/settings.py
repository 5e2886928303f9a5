"""Settings of `fststyle data`; light, so that the command line knows them at once."""

from dataclasses import dataclass
from pathlib import Path

from fststyle.settings import option


@dataclass(frozen=True)
class PhotoSettings:
    """Where training photos come from and where they go.

    The default is COCO val2017: 5,000 everyday photos, 778 MiB.
    """

    url: str = option(
        "http://images.cocodataset.org/zips/val2017.zip", "Zip archive of photos, http or https."
    )
    md5: str = option("442b8da7639aecaf257c1dceb8ba8c80", "MD5 sum of the archive; empty for no check.")
    folder: Path | None = option(None, "Folder for the photos; in the cache folder if not given.")
