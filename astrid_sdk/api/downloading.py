"""A download: the verified bytes of a content, or the part of it that is asked for."""

import contextlib
import enum
import io
from collections.abc import Mapping
from functools import partial
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from astrid_sdk import observe
from astrid_sdk.api.access import Caller
from astrid_sdk.api.byte_ranges import Part, Unsatisfiable, is_same, is_tagged, part_of
from astrid_sdk.api.naming import disposition, served_type
from astrid_sdk.api.problems import problem
from astrid_sdk.api.references import Reference
from astrid_sdk.api.service import Service
from astrid_sdk.api.short_work import Wanted
from astrid_sdk.api.verified_response import VerifiedResponse
from astrid_sdk.errors import CorruptionError
from astrid_sdk.storage.blobs import blob_key
from astrid_sdk.storage.buffers import Buffers
from astrid_sdk.storage.hashing import LEAF_BYTES
from astrid_sdk.tiers import Tier

PIECE_BYTES: Final = 4 << 20
"""What is read, verified and in memory at a time; one more piece is fetched ahead."""
_WHOLE_BYTES = 1 << 20
"""Up to here a content is read whole, and has no leaf digests to read a part by."""

_FOREVER = "private, max-age=31536000, immutable"
_STRICT: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Redirect(enum.StrEnum):
    """How a caller may be sent to the store itself."""

    PRESIGNED = "presigned"


class Opened:
    """A content that is being read, or a part of it, in memory that is used again.

    Parameters
    ----------
    file : io.BufferedReader
    part : Part

    Attributes
    ----------
    first : memoryview
        The first piece, verified.
    """

    def __init__(self, file: io.BufferedReader, part: Part) -> None:
        self._file = file
        self._at = part.start
        self._stop = part.stop
        buffers = Buffers(min(part.stop - part.start, PIECE_BYTES))
        self._room, self._other = buffers.take(), buffers.take()
        file.seek(part.start)
        self.first = self.next()

    def next(self) -> memoryview:
        """Return the next piece, verified; empty at the end.

        It stands until the piece after the next is asked for.
        """
        if self._at == self._stop:
            return memoryview(b"")
        # Pieces that end where a leaf does are read straight to where they belong.
        stop = min(self._stop, self._at - self._at % LEAF_BYTES + PIECE_BYTES)
        piece = self._room[: stop - self._at]
        self._room, self._other = self._other, self._room
        if self._file.readinto(piece) != len(piece):
            raise _short()
        self._at = stop
        return piece

    def close(self) -> None:
        """Close the file."""
        self._file.close()


_Begun: TypeAlias = Response | tuple[Opened, int, dict[str, str]]


async def answer(
    service: Service, caller: Caller, request: Request, content_hash: str, *, redirect: bool
) -> Response:
    """Return the response to a GET of a content.

    Parameters
    ----------
    service : Service
    caller : Caller
    request : Request
    content_hash : str
    redirect : bool
        Whether the caller would rather be sent to the store itself.

    Raises
    ------
    NotFoundError
        It is not there, or may not be seen.
    CorruptionError
        Its first bytes are damaged. Damage further on ends the response instead.
    """
    settings = service.settings
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(service.transfers.turn())
        asked = partial(_prepared, service, caller, request.headers, content_hash, redirect)
        found: _Begun = await service.begin_reading(asked)
        if isinstance(found, Response):
            return found
        opened, status, headers = found
        stack.callback(opened.close)
        return VerifiedResponse(
            opened.next,
            opened.first,
            status,
            headers,
            idle_s=settings.idle_timeout_s,
            min_bytes_per_s=settings.min_bytes_per_s,
            release=stack.pop_all(),
            content_hash=content_hash,
            damaged=service.metrics.damaged,
        )


def head(
    service: Service, caller: Caller, headers: Mapping[str, str], content_hash: str
) -> Response:
    """Return the response to a HEAD: what a GET would say, once the store says it is there.

    Raises
    ------
    NotFoundError
        As `answer`.
    """
    reference = service.references.of(content_hash, caller)[0]
    told = _headers(content_hash, reference)
    if is_tagged(headers.get("if-none-match"), told["ETag"]):
        return _unchanged(told)
    service.session.cas.locate(content_hash, tier=reference.tier)
    told["Content-Length"] = str(reference.size_bytes)
    return Response(None, 200, told)


def _prepared(
    service: Service,
    caller: Caller,
    asked: Mapping[str, str],
    content_hash: str,
    redirect: bool,  # noqa: FBT001 - handed on
) -> _Begun | Wanted[_Begun]:
    reference = service.references.of(content_hash, caller)[0]
    told = _headers(content_hash, reference)
    if is_tagged(asked.get("if-none-match"), told["ETag"]):
        return _unchanged(told)
    size_bytes = reference.size_bytes
    wanted = asked.get("range") if is_same(asked.get("if-range"), told["ETag"]) else None
    part = part_of(wanted, size_bytes)
    if isinstance(part, Unsatisfiable):
        return _unsatisfiable(size_bytes)
    if redirect and (url := _presigned(service, reference, content_hash)):
        return RedirectResponse(url, 307, {"Cache-Control": "no-store"})
    status = 200 if part is None else 206
    if part is not None:
        told["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size_bytes}"
    part = part or Part(0, size_bytes)
    told["Content-Length"] = str(part.stop - part.start)
    if size_bytes <= _WHOLE_BYTES:

        def respond(data: bytes) -> Response:
            if len(data) != size_bytes:
                raise _short()
            return Response(data[part.start : part.stop], status, told)

        return Wanted(content_hash, reference.tier, respond)
    return _opened(service, reference, content_hash, part), status, told


def _opened(service: Service, reference: Reference, content_hash: str, part: Part) -> Opened:
    file = service.session.cas.open(content_hash, tier=reference.tier)
    try:
        return Opened(file, part)
    except BaseException:
        file.close()
        raise


def _headers(content_hash: str, reference: Reference) -> dict[str, str]:
    return {
        "ETag": f'"{content_hash}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": _FOREVER,
        "Content-Type": served_type(reference.media_type),
        "Content-Disposition": disposition(reference.name),
        **_STRICT,
    }


def _unchanged(told: Mapping[str, str]) -> Response:
    kept = ("ETag", "Cache-Control", "Content-Disposition")
    return Response(None, 304, {name: told[name] for name in kept})


def _unsatisfiable(size_bytes: int) -> Response:
    return problem(
        416,
        "range",
        "The range lies behind the end",
        observe.call_id.get(),
        {"detail": f"the content has {size_bytes} bytes"},
        {"Content-Range": f"bytes */{size_bytes}"},
    )


def _short() -> CorruptionError:
    return CorruptionError("a record says another length than the content has")


def _presigned(service: Service, reference: Reference, content_hash: str) -> str | None:
    """Return a URL of the store, for what a browser cannot be made to run there."""
    store = service.session.r2
    if not store.capabilities.presigns or served_type(reference.media_type) != reference.media_type:
        return None
    key = blob_key(content_hash, Tier.parse(reference.tier))
    if store.head(service.session.bucket, key) is None:  # it waits here, or stands elsewhere
        return None
    expires_s = service.settings.presign_expires_s
    return store.presign_get(service.session.bucket, key, expires_s=expires_s)
