"""Named datasets and their versions."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from astrid_sdk.api.documented import answers
from astrid_sdk.api.schemas import DATASET_ID_PATTERN, NewVersion, VersionMade, VersionPage
from astrid_sdk.api.service import CallerOf, ServiceOf
from astrid_sdk.api.versions import make_version, status_of, versions_page

router = APIRouter(tags=["datasets"])

DatasetId = Annotated[str, Path(pattern=DATASET_ID_PATTERN, examples=["sn-train"])]
_SAME = {"description": "The newest version holds just that.", "model": VersionMade}


@router.post(
    "/storage/datasets/{dataset_id}/version",
    operation_id="make_version",
    summary="Make the next version of a dataset",
    status_code=201,
    responses=answers(404, 409, 411, 413, 507, s200=_SAME),
)
def version(
    dataset_id: DatasetId,
    wanted: NewVersion,
    response: Response,
    service: ServiceOf,
    caller: CallerOf,
) -> VersionMade:
    """Make a version of stored contents; one that changes nothing is no new version."""
    made = make_version(service, caller, dataset_id, wanted)
    response.status_code = status_of(made)
    return made


@router.get(
    "/storage/datasets/{dataset_id}/versions",
    operation_id="versions",
    summary="The versions of a dataset",
    responses=answers(404),
)
def versions(
    dataset_id: DatasetId,
    service: ServiceOf,
    caller: CallerOf,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Annotated[str | None, Query(max_length=500, pattern="^[A-Za-z0-9_-]+$")] = None,
) -> VersionPage:
    """Return the versions, v1 first."""
    return versions_page(service, caller, dataset_id, limit, cursor)
