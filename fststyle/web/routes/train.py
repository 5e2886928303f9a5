"""The Train page, which trains styles on paintings."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from fststyle.errors import INSTALL_TRAIN
from fststyle.web.pages import page
from fststyle.web.state import TRAIN_KINDS, State, state
from fststyle.web.work.trainings import TrainingSettings, can_train, steps_of

router = APIRouter(include_in_schema=False)
Parts = Annotated[State, Depends(state)]


@router.get("/train")
def show(request: Request) -> HTMLResponse:
    """Show the Train page. Its script requests the list of training jobs."""
    return page(
        request,
        "train.html",
        trains=can_train(),
        install=INSTALL_TRAIN,
        defaults=TrainingSettings(),
    )


@router.get("/train/{id}")
def show_training(request: Request, parts: Parts, id: str) -> HTMLResponse:
    """Show the page of one training job."""
    job = parts.jobs.find(id, TRAIN_KINDS)
    return page(request, "training.html", job=job, steps=steps_of(job))
