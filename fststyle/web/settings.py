"""Settings of `fststyle serve`. Does not import FastAPI, so that the command line starts fast."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from fststyle.errors import InputError
from fststyle.settings import as_paths, option

LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")
"""Host names of this machine."""


@dataclass(frozen=True)
class ServeSettings:
    """Address, data folder and limits of the web application."""

    host: str = option("127.0.0.1", "Address to bind to; any other than a loopback address needs --token.")
    port: int = option(8020, "Port; 0 selects a free port.", min=0, max=65535)
    token: str | None = option(
        None,
        "Password of the application, at least 16 characters; also read from the environment variable"
        " FSTSTYLE_TOKEN.",
    )
    folder: Path | None = option(
        None, "Folder of the database, uploads and trainings; default: the user's data folder."
    )
    open_browser: bool = option(True, "Open the address in a browser.", flags=("--browser/--no-browser",))
    device: str = option("auto", "Where to stylize; see `fststyle image --help`.")
    upload_mb: int = option(256, "Largest upload, in megabytes.", min=1, max=65536)
    megapixels: int = option(50, "Largest picture, in megapixels summed over its frames.", min=1, max=1000)
    video_seconds: float = option(300, "Longest video, in seconds.", min=1, max=86400)
    requests_per_minute: int = option(
        600,
        "Maximum requests per minute and client; pages and static files are not counted.",
        min=1,
        max=1_000_000,
    )
    upload_timeout: float = option(
        20, "Seconds without data after which an upload is aborted.", min=0.1, max=3600
    )

    def __post_init__(self) -> None:
        as_paths(self, "folder")

    @property
    def max_pixels(self) -> int:
        return self.megapixels * 1_000_000

    @property
    def max_bytes(self) -> int:
        return self.upload_mb * 1_000_000

    @property
    def data_folder(self) -> Path:
        """The folder of the database, uploads and trainings."""
        if self.folder is not None:
            return self.folder
        import platformdirs

        return platformdirs.user_data_path("fststyle") / "serve"


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_access(settings: ServeSettings) -> None:
    """Raise `InputError` for a short token, and for an address outside of this machine without a token."""
    if settings.token is not None and len(settings.token) < 16:
        raise InputError("--token: needs at least 16 characters")
    if settings.token is None and not is_loopback(settings.host):
        raise InputError(f"--host {settings.host}: is reachable from other machines, which needs a --token")
