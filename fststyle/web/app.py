"""Create the ASGI application: routes, static files and middleware."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from fststyle import __version__
from fststyle.settings import check
from fststyle.web.errors import answer_errors
from fststyle.web.pages import STATIC
from fststyle.web.routes import api, devices, learn, library, live, login, paint, rate, reference, train
from fststyle.web.security.access import FAILURES_PER_MINUTE, Access
from fststyle.web.security.headers import SecurityHeaders
from fststyle.web.security.limits import Limits
from fststyle.web.security.rates import Rates
from fststyle.web.settings import ServeSettings, check_access
from fststyle.web.state import open_state


def create_app(settings: ServeSettings | None = None) -> FastAPI:
    """Return the ASGI application. The data folder is opened when the application starts.

    ``settings`` defaults to `ServeSettings()`. Raises `InputError` if the settings are invalid, or unsafe
    according to `check_access`.
    """
    settings = settings or ServeSettings()
    check(settings)
    check_access(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.parts = open_state(settings)
        try:
            yield
        finally:
            app.state.parts.close()

    app = FastAPI(
        title="fststyle",
        version=__version__,
        description="Fast style transfer: stylize photos and videos, train styles, rate them.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.state.failures = Rates(FAILURES_PER_MINUTE)
    app.state.address = ""  # set by `fststyle.web.server.serve`
    for module in (library, paint, live, train, rate, learn, login, devices, api, reference):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    answer_errors(app)
    # The middleware that is added last runs first.
    app.add_middleware(Limits, settings=settings)
    app.add_middleware(Access, settings=settings, failures=app.state.failures)
    app.add_middleware(SecurityHeaders)
    return app
