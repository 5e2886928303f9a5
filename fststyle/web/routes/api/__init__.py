"""The HTTP API. The pages also use it."""

from fastapi import APIRouter

from fststyle.web.routes.api import jobs, painting, ratings, styles, trainings

router = APIRouter(prefix="/api")
for module in (styles, painting, jobs, trainings, ratings):
    router.include_router(module.router)
