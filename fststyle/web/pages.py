"""Render HTML pages."""

from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from fststyle.web.client import client_of, set_client_cookie

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"

NAVIGATION = (
    ("Library", "/"),
    ("Paint", "/paint"),
    ("Live", "/live"),
    ("Train", "/train"),
    ("Rate", "/rate"),
    ("Learn", "/learn"),
)

_templates = Jinja2Templates(directory=TEMPLATES)
_templates.env.globals["navigation"] = NAVIGATION


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template as a response that sets the client cookie.

    ``status`` is the HTTP status, and ``values`` are the template variables.
    """
    response = _templates.TemplateResponse(request, template, values, status_code=status)
    set_client_cookie(response, client_of(request))
    return response
