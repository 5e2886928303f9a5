"""The page "Other devices": the address of the server and its QR code, for phones and other machines."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from fststyle.web import qr
from fststyle.web.pages import page
from fststyle.web.settings import ServeSettings, is_loopback

router = APIRouter(include_in_schema=False)


@router.get("/devices")
def show(request: Request) -> HTMLResponse:
    """Show the address and its QR code, or how to start a server that other machines can reach."""
    address = _shared_address(request)
    return page(request, "devices.html", address=address, code=qr.picture(address) if address else "")


def _shared_address(request: Request) -> str:
    """Return the URL for other machines, or "" if only this machine can reach the server.

    A server on a loopback address can be reached through a proxy, if it has a token. The host name of the
    proxy is then taken from the request.
    """
    settings: ServeSettings = request.app.state.settings
    if not is_loopback(settings.host):
        return str(request.app.state.address)
    if settings.token is None or request.url.hostname is None or is_loopback(request.url.hostname):
        return ""
    # Proxies set this header to the scheme that the browser uses. It is only displayed.
    scheme = "https" if request.headers.get("x-forwarded-proto") == "https" else "http"
    return f"{scheme}://{request.url.netloc}/login?token={settings.token}"
