"""An upload: a body on its way into the store."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import anyio.to_thread
from starlette.requests import Request

from astrid_sdk.api.access import Caller, Verb
from astrid_sdk.api.body import Body, require_length, require_plain
from astrid_sdk.api.form import OVERHEAD_BYTES, UploadForm
from astrid_sdk.api.limits import Pace
from astrid_sdk.api.naming import stored_name, stored_type
from astrid_sdk.api.schemas import Stored
from astrid_sdk.api.service import Service
from astrid_sdk.api.spool import BodySpool
from astrid_sdk.catalog.ingest.ingest import TIERS
from astrid_sdk.catalog.ingest.look import Look, look_into
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.file_names import is_fits_name
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage, ContentHash
from astrid_sdk.tiers import Tier

FORM = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Upload:
    """What a caller says of a body.

    Attributes
    ----------
    tier : Tier
    name : str
        "" where it has none.
    media_type : str
    """

    tier: Tier
    name: str
    media_type: str


async def receive(
    service: Service,
    caller: Caller,
    request: Request,
    said: Upload,
    promised_hash: str | None,
) -> Stored:
    """Take the body of `request` into the store.

    Parameters
    ----------
    service : Service
    caller : Caller
    request : Request
        Its body is a form, or the content itself.
    said : Upload
        By the URL and the headers; a form's fields go before it.
    promised_hash : str or None
        The SHA-256 that the content must have.

    Raises
    ------
    InvalidInputError
        The body is none that can be taken.
    AccessDeniedError
        `caller` may not write there.
    """
    settings = service.settings
    caller.require_somewhere(Verb.WRITE)
    is_form = request.headers.get("content-type", "").strip().lower().startswith(FORM)
    if not is_form:
        caller.require(said.tier, Verb.WRITE)
    most_bytes = settings.max_upload_bytes + (OVERHEAD_BYTES if is_form else 0)
    pace = Pace(settings.idle_timeout_s, settings.min_bytes_per_s)
    body = Body(request, pace, most_bytes)
    try:
        require_plain(request)
        require_length(request, most_bytes)
        async with service.transfers.turn():
            with BodySpool(service.uploads, settings.max_upload_bytes, promised_hash) as spool:
                form = UploadForm(request.headers["content-type"], spool) if is_form else None
                await _take(body, spool, form)
                told = said if form is None else _told(form, said)
                caller.require(told.tier, Verb.WRITE)
                return await anyio.to_thread.run_sync(partial(_store, service, spool, told))
    except InvalidInputError:
        await body.drain()
        raise


async def _take(body: Body, spool: BodySpool, form: UploadForm | None) -> None:
    take = spool.add if form is None else form.add
    async for piece in body.pieces():
        if take(piece):
            await anyio.to_thread.run_sync(spool.flush)


def upload_of(tier: str, name: str, media_type: str) -> Upload:
    """Return what is said of a content, checked.

    Raises
    ------
    InvalidInputError
        It cannot be so called, or the tier or the media type is none.
    """
    called = stored_name(name) if name else ""
    return Upload(Tier.parse(tier), called, stored_type(media_type, called))


def status_of(stored: Stored) -> int:
    """Return the status that says what became of an upload."""
    if stored.is_spooled:
        return 202
    return 201 if stored.is_new else 200


def _told(form: UploadForm, said: Upload) -> Upload:
    fields = form.finish()
    name = fields.get("name", said.name) or form.file_name
    return upload_of(fields.get("tier", said.tier), name, form.file_type)


def _store(service: Service, spool: BodySpool, told: Upload) -> Stored:
    """Store a body, and what its headers say where it is an image of an observation tier."""
    spool.finish()
    look = _look(spool, told)
    stored = _stored(service.session.cas, spool, told, look)
    known = [] if stored.is_new else service.references.known(stored)
    before = [each for each in known if each.tier == told.tier]
    return Stored(
        content_hash=stored,
        size_bytes=spool.size_bytes,
        media_type=look.media_type,
        tier=told.tier,
        names=list(dict.fromkeys([*(each.name for each in before), told.name or stored[:8]])),
        created_at=min((each.created_at for each in before), default=datetime.now(UTC)),
        is_new=stored.is_new,
        is_spooled=stored.is_spooled,
        note=look.refusal,
    )


def _look(spool: BodySpool, told: Upload) -> Look:
    """Return what the body says; it is stored as it is where it cannot be read."""
    if told.tier not in TIERS or not is_fits_name(told.name):
        return Look(media_type=told.media_type)
    path = spool.to_file()
    look = look_into(told.name, path)
    if not look.refusal:
        return look
    why = look.refusal.replace(str(path), told.name)
    return Look(media_type=told.media_type, refusal=why)


def _stored(
    cas: ContentAddressedStorage, spool: BodySpool, told: Upload, look: Look
) -> ContentHash:
    said = look.summaries
    if spool.path is None:
        return cas.store_data(
            spool.data, look.media_type, tier=told.tier, name=told.name, summaries=said
        )
    return cas.store_file(
        spool.path, look.media_type, tier=told.tier, name=told.name, summaries=said
    )
