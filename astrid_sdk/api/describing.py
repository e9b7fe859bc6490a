"""What is known of one content, as the catalogue and its derivation tell it."""

from collections.abc import Sequence
from typing import Any

from astrid_sdk.api.access import Caller
from astrid_sdk.api.schemas import MadeBy, Metadata, Sky
from astrid_sdk.api.service import Service
from astrid_sdk.catalog.search.finding import Found

_PLACED = ("ra_deg", "night", "observation_time", "observation_id", "hdu_index", "instrument")


def metadata(service: Service, caller: Caller, content_hash: str) -> Metadata:
    """Return what is known of a content, of the tiers that `caller` may read.

    Raises
    ------
    NotFoundError
        It is not there, or may not be seen.
    """
    rows = service.references.rows(content_hash, caller)
    first = min(rows, key=lambda row: row.created_at)
    tiers = _once([first.tier, *(row.tier for row in rows)])
    names = _once([first.name, *(row.name for row in rows)])
    return Metadata(
        content_hash=first.content_hash,
        size_bytes=first.size_bytes,
        media_type=first.media_type,
        tier=tiers[0],
        tiers=tiers,
        name=names[0],
        names=names,
        created_at=first.created_at,
        purpose=first.purpose,
        excluded=first.excluded,
        sky=_skies(rows, first.tier),
        derivation=_made_by(service, first.derivation_key),
    )


def _skies(rows: Sequence[Found], tier: str) -> list[Sky]:
    """Return what the images of one copy say: the copies are the same bytes."""
    said = [row for row in rows if row.tier == tier and _is_told(row)]
    return [Sky(**{name: getattr(row, name) for name in Sky.model_fields}) for row in said]


def _is_told(row: Found) -> bool:
    return any(getattr(row, name) is not None for name in _PLACED)


def _made_by(service: Service, key: str) -> MadeBy | None:
    made = service.session.derivations.find(key) if key else None
    if made is None:
        return None
    inputs = {role: list(hashes) for role, hashes in made.inputs.items()}
    return MadeBy(
        key=made.key,
        step=made.step,
        code_version=made.code_version,
        parameters=dict(made.parameters),
        inputs=inputs,
    )


def _once(values: Sequence[Any]) -> list[Any]:
    return list(dict.fromkeys(values))
