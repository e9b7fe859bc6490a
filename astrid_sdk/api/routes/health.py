"""Whether the service runs, whether it can work, and what it counts."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from astrid_sdk.api.documented import answers
from astrid_sdk.api.health import status_of
from astrid_sdk.api.schemas import Live, Ready
from astrid_sdk.api.service import CallerOf, ServiceOf

router = APIRouter(tags=["health"])
_AWAY = {"description": "The store does not answer, or refuses this service.", "model": Ready}
_COUNTS = {
    "description": "The counts.",
    "content": {"text/plain": {"schema": {"type": "string"}}},
}


@router.get(
    "/health/live",
    operation_id="live",
    summary="Whether the service runs",
    responses=answers(),
)
async def live() -> Live:
    """Answer: that is all there is to it."""
    return Live(status="live")


@router.get(
    "/health/ready",
    operation_id="ready",
    summary="Whether the service can work, and what it cannot",
    responses={**answers(), 503: _AWAY},
)
async def ready(request: Request, response: Response) -> Ready:
    """Look at the store, and at what waits for it."""
    found: Ready = await request.app.state.readiness.state()
    response.status_code = status_of(found)
    return found


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Counts for Prometheus",
    response_class=Response,
    responses=answers(s200=_COUNTS),
)
async def metrics(service: ServiceOf, caller: CallerOf) -> Response:  # noqa: ARG001 - it asks who
    """Return the counts in the text format."""
    return Response(service.metrics.exposed(), media_type=CONTENT_TYPE_LATEST)
