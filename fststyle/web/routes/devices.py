"""How phones and other machines open the application."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from fststyle.web import qr
from fststyle.web.pages import page
from fststyle.web.settings import is_loopback

router = APIRouter(include_in_schema=False)


@router.get("/devices")
def show(request: Request) -> HTMLResponse:
    """The address and its QR code, or how to start a server for other machines."""
    shared = not is_loopback(request.app.state.settings.host)
    address = request.app.state.address if shared else ""
    return page(request, "devices.html", address=address, code=qr.picture(address) if address else "")
