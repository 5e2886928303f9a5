"""Errors of the web application, and error responses."""

import os
import re
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from fststyle import catalogue
from fststyle.errors import FststyleError, InputError
from fststyle.web.pages import page


class NotFoundError(InputError):
    """The requested resource does not exist (HTTP 404)."""


class ConflictError(InputError):
    """The request conflicts with the state of the server (HTTP 409)."""


class BusyError(FststyleError):
    """Too many images or jobs are waiting on the server (HTTP 503)."""


_STATUS: tuple[tuple[type[FststyleError], int], ...] = (
    (NotFoundError, 404),
    (ConflictError, 409),
    (BusyError, 503),
    (FststyleError, 422),
)


def public(error: Exception, *folders: Path) -> str:
    """Return the message of an error as one line that does not reveal folders of the server.

    ``folders`` and the folders of the user's styles are removed from paths that begin with them.
    """
    text = " ".join(str(error).split())
    # Messages about an image in memory have "image data: " instead of a file name.
    text = re.sub(r"image data: (?=(is|has|contains|does|cannot) )", "the file ", text).replace(
        "image data: ", ""
    )
    for folder in (*folders, *catalogue.own_folders()):
        text = text.replace(f"{folder}{os.sep}", "")
    return text


def answer_errors(app: FastAPI) -> None:
    """Register error handlers for the application.

    A GET request that accepts HTML and is not from htmx is answered with a page, any other request with JSON.
    """

    async def of_fststyle(request: Request, error: Exception) -> Response:
        status = next(status for kind, status in _STATUS if isinstance(error, kind))
        return _answer(request, status, public(error, request.app.state.settings.data_folder))

    async def of_http(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        detail = "not found" if error.detail == "Not Found" else str(error.detail)
        return _answer(request, error.status_code, detail, dict(error.headers or {}))

    async def of_form(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        problems = [f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors()]
        return _answer(request, 422, "; ".join(problems))

    app.add_exception_handler(RequestValidationError, of_form)
    app.add_exception_handler(FststyleError, of_fststyle)
    app.add_exception_handler(HTTPException, of_http)


def _answer(request: Request, status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    wants_page = "text/html" in request.headers.get("accept", "") and "hx-request" not in request.headers
    if wants_page and request.method == "GET":
        response: Response = page(request, "error.html", status, problem=detail)
    else:
        response = JSONResponse({"detail": detail}, status)
    response.headers.update(headers or {})
    return response
