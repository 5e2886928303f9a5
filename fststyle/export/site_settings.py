"""Settings of `fststyle export-web`."""

from dataclasses import dataclass
from pathlib import Path

from fststyle.settings import as_paths, option


@dataclass(frozen=True)
class SiteSettings:
    """Settings of `fststyle export-web`."""

    output: Path = option(Path("site"), "Folder for the site.", flags=("--output", "-o"))
    title: str = option("Paint your camera", "Title and heading of the page.")
    photo: Path | None = option(
        None, "Photo for the preview images of the styles; default: an included photo.", flags=("--photo",)
    )
    overwrite: bool = option(False, "Replace the folder of an earlier export.")

    def __post_init__(self) -> None:
        as_paths(self, "output", "photo")
