"""The application: routes, static files and the middleware around them."""

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from fststyle.settings import check
from fststyle.web.pages import STATIC
from fststyle.web.routes import learn, library, live, paint, rate, train
from fststyle.web.security.headers import SecurityHeaders
from fststyle.web.settings import ServeSettings, check_access


def create_app(settings: ServeSettings | None = None) -> FastAPI:
    """The ASGI application. Raises `InputError` for settings that are wrong or unsafe."""
    settings = settings or ServeSettings()
    check(settings)
    check_access(settings)
    app = FastAPI(title="fststyle", docs_url=None, redoc_url=None)
    app.state.settings = settings
    for module in (library, paint, live, train, rate, learn):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(SecurityHeaders)
    return app
