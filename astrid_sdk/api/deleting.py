"""Deleting over the wire: the reference goes, the bytes stay."""

from astrid_sdk.api.access import Caller, Verb
from astrid_sdk.api.schemas import Deleted
from astrid_sdk.api.service import Service
from astrid_sdk.errors import NeededError
from astrid_sdk.tiers import Tier

_NEEDING = {Tier.DATASETS, Tier.MODELS}


def delete(
    service: Service,
    caller: Caller,
    content_hash: str,
    tier: Tier | None,
    reason: str,
    *,
    force: bool,
) -> Deleted:
    """Delete a content in one tier, or in all.

    Raises
    ------
    NotFoundError
        It is not there, or may not be seen.
    AccessDeniedError
        `caller` may not curate each of the tiers, or not force.
    NeededError
        Dataset versions or models need it; named where the caller may see them.
    """
    service.references.of(content_hash, caller)
    tiers = {tier} if tier is not None else _tiers(service, content_hash)
    for each in sorted(tiers):
        caller.require(each, Verb.ADMIN if force else Verb.CURATE)
    sees_all = caller.tiers(Verb.READ) >= _NEEDING
    try:
        done = service.session.delete(content_hash, tier=tier, reason=reason, force=force)
    except NeededError as error:
        if sees_all:
            raise
        raise error.saying("dataset versions or models that you may not see need it") from None
    return Deleted(
        content_hash=done.content_hash,
        tiers=[Tier.parse(each) for each in done.tiers],
        deleted_at=done.deleted_at,
        needed_by=list(done.needed_by) if sees_all else [],
    )


def _tiers(service: Service, content_hash: str) -> set[Tier]:
    """Return where it is, those that the caller may not see among them."""
    return {Tier.parse(each.tier) for each in service.references.known(content_hash)}
