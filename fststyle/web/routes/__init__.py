"""Routes: one module per page, each with an `APIRouter` called `router`."""
