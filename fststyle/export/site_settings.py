"""Settings of `fststyle export-web`."""

from dataclasses import dataclass
from pathlib import Path

from fststyle.settings import as_paths, option


@dataclass(frozen=True)
class SiteSettings:
    """Output folder and texts of the static site."""

    output: Path = option(Path("site"), "The folder to write.", flags=("--output", "-o"))
    title: str = option("Paint your camera", "Heading of the page.")
    photo: Path | None = option(
        None, "Photo that shows the styles; default: one included in fststyle.", flags=("--photo",)
    )
    overwrite: bool = option(False, "Replace the folder of an earlier export.")

    def __post_init__(self) -> None:
        as_paths(self, "output", "photo")
