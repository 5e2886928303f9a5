"""Settings of `fststyle data`. Does not import torch, so that the command line starts fast."""

from dataclasses import dataclass
from pathlib import Path

from fststyle.settings import option


@dataclass(frozen=True)
class PhotoSettings:
    """Source and destination of the training photos. The default is COCO val2017: 5,000 photos, 816 MB."""

    url: str = option(
        "http://images.cocodataset.org/zips/val2017.zip", "Zip archive of photos, http or https."
    )
    md5: str = option(
        "442b8da7639aecaf257c1dceb8ba8c80", "MD5 checksum of the archive; empty to skip the check."
    )
    folder: Path | None = option(None, "Folder for the photos; default: photos in the cache folder.")
