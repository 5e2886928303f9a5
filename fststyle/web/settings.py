"""Settings of `fststyle serve`. The module does not import FastAPI, so that the command line starts fast."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from fststyle.errors import InputError
from fststyle.settings import as_paths, option

LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")
"""Names of this machine in Host headers."""


@dataclass(frozen=True)
class ServeSettings:
    """Settings of `fststyle serve`: address, data folder and limits."""

    host: str = option(
        "127.0.0.1", "Address to bind to. Addresses other than loopback addresses need --token."
    )
    port: int = option(8020, "Port; 0 selects a free port.", min=0, max=65535)
    token: str | None = option(
        None,
        "Password for access, at least 16 characters; default: the environment variable FSTSTYLE_TOKEN.",
    )
    folder: Path | None = option(
        None,
        "Folder for the database, uploads and training runs; default: a folder in the user's data folder.",
    )
    open_browser: bool = option(True, "Open the address in a browser.", flags=("--browser/--no-browser",))
    device: str = option("auto", "Device for stylization; see `fststyle image --help`.")
    upload_mb: int = option(256, "Maximum size of an upload, in megabytes.", min=1, max=65536)
    megapixels: int = option(
        50,
        "Maximum size of an image or a video frame, in megapixels; the frames of an animation are added up.",
        min=1,
        max=1000,
    )
    video_seconds: float = option(300, "Maximum length of a video, in seconds.", min=1, max=86400)
    requests_per_minute: int = option(
        600,
        "Maximum number of POST and DELETE requests and logins per minute and client; other requests are not"
        " limited.",
        min=1,
        max=1_000_000,
    )
    upload_timeout: float = option(
        20, "Time without data after which an upload is aborted, in seconds.", min=0.1, max=3600
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
        """The folder of the database, uploads and training runs: ``folder`` or its default."""
        if self.folder is not None:
            return self.folder
        import platformdirs

        return platformdirs.user_data_path("fststyle") / "serve"


def is_loopback(host: str) -> bool:
    """Return whether ``host`` is "localhost" or a loopback address. False for other host names."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_access(settings: ServeSettings) -> None:
    """Raise `InputError` if the token is too short, or if it is missing and other machines have access.

    Other machines are assumed to have access unless the host is a loopback address.
    """
    if settings.token is not None and len(settings.token) < 16:
        raise InputError("--token (or FSTSTYLE_TOKEN): needs at least 16 characters")
    if settings.token is None and not is_loopback(settings.host):
        raise InputError(
            f"--host {settings.host}: other machines can reach this address, so --token is required"
        )
