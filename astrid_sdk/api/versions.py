"""Dataset versions over the wire."""

from astrid_sdk.api.access import Caller, Verb, unseen
from astrid_sdk.api.cursors import Cursor
from astrid_sdk.api.schemas import NewVersion, VersionMade, VersionPage, VersionTold
from astrid_sdk.api.service import Service
from astrid_sdk.catalog.search.told import told_of
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.tiers import Tier

_SHOWN = 3


def make_version(
    service: Service, caller: Caller, dataset_id: str, wanted: NewVersion
) -> VersionMade:
    """Make the newest version of a dataset, unless it holds just that already.

    Parameters
    ----------
    service : Service
    caller : Caller
    dataset_id : str
    wanted : NewVersion

    Raises
    ------
    InvalidInputError
        A path cannot be one or is there twice; or a content is not there, or may not be seen
        (``kind="unknown_content"``).
    AccessDeniedError
        `caller` may not curate datasets.
    """
    caller.require(Tier.DATASETS, Verb.CURATE)
    tiers = _tiers(service, caller, wanted)
    files = [
        DatasetFile(
            content_hash=file.content_hash,
            path=file.path,
            tier=tiers[file.content_hash],
            role=file.role,
            label=file.label,
        )
        for file in wanted.files
    ]
    manifest = DatasetManifest(dataset_id, tuple(files))
    made = service.session.datasets.commit(manifest, wanted.message)
    return VersionMade(
        dataset_id=dataset_id,
        version=made.version.number,
        manifest_hash=made.version.manifest_hash,
        is_new=made.is_new,
    )


def versions_page(
    service: Service, caller: Caller, dataset_id: str, limit: int, cursor: str | None
) -> VersionPage:
    """Return a page of the versions of a dataset, v1 first.

    Raises
    ------
    NotFoundError
        There is no such dataset, or it may not be seen.
    """
    caller.require(Tier.DATASETS, Verb.READ)
    place = Cursor.of(cursor, dataset_id)
    versions = service.session.datasets.list(dataset_id)
    if not versions:
        raise unseen()
    shown = versions[place.offset : place.offset + limit]
    items = [
        VersionTold(
            version=each.number,
            manifest_hash=each.manifest_hash,
            message=each.message,
            created_at=each.created_at,
            author=each.author,
            files=each.files,
        )
        for each in shown
    ]
    total = len(versions)
    return VersionPage(
        dataset_id=dataset_id,
        items=items,
        total=total,
        next_cursor=place.after(len(items), total),
    )


def status_of(made: VersionMade) -> int:
    """Return the status that says whether there is a new version."""
    return 201 if made.is_new else 200


def _tiers(service: Service, caller: Caller, wanted: NewVersion) -> dict[str, str]:
    """Return for each content a tier in which `caller` may read it."""
    hashes = {file.content_hash for file in wanted.files}
    open_tiers = {tier.value for tier in caller.tiers(Verb.READ)}
    told = told_of(service.session.catalog, hashes)
    found = {
        content_hash: row["tier"]
        for content_hash, rows in told.items()
        for row in reversed(rows)
        if row["tier"] in open_tiers
    }
    missing = sorted(hashes - found.keys())
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise InvalidInputError(
            f"nothing that you may read has the name {', '.join(missing[:_SHOWN])}{more}: store "
            "the files first",
            kind="unknown_content",
        )
    return found
