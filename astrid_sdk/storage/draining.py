"""Bringing what waits in an outbox into the store: in order, each once, whatever crashes."""

from astrid_sdk.errors import AstridError, CorruptionError, StorageUnavailableError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.local_files import has_hash
from astrid_sdk.storage.outbox import Entry, Mark, Outbox


def drain(outbox: Outbox, store: ObjectStorage, *, wait: bool) -> int:
    """Write what waits into `store`; return how many writes this call brought there.

    A write that the store refuses for good is put aside and does not block the others.

    Parameters
    ----------
    outbox : Outbox
    store : ObjectStorage
    wait : bool
        Whether to wait for another thread or process that drains; False leaves it to that one.

    Raises
    ------
    StorageUnavailableError
        The store is away; what was not brought still waits.
    """
    brought = 0
    if not outbox.entries():
        return brought
    with outbox.draining(wait=wait) as is_alone:
        while is_alone and (entries := outbox.entries()):
            brought += sum(_bring(outbox, store, entry) for entry in entries)
    return brought


def _bring(outbox: Outbox, store: ObjectStorage, entry: Entry) -> bool:
    try:
        if _is_to_be_written(outbox, store, entry):
            _write(store, entry)
    except AstridError as error:
        if isinstance(error, StorageUnavailableError) or error.transient:
            raise _still_waiting(error, outbox) from error
        outbox.refuse(entry, error)
        return False
    outbox.done(entry)
    return True


def _is_to_be_written(outbox: Outbox, store: ObjectStorage, entry: Entry) -> bool:
    """Return False where an earlier try landed, or others have written over it since."""
    if entry.create_only:  # of a key that names its hash: writing it again changes nothing
        return True
    now = Mark.of(store.head(entry.bucket, entry.key))
    before = outbox.intent(entry)
    if before is None:
        outbox.intend(entry, now)
    return before is None or before == now


def _write(store: ObjectStorage, entry: Entry) -> None:
    if not has_hash(entry.body, entry.content_hash, entry.size_bytes):
        raise CorruptionError(
            f"the bytes that waited for {entry.key!r} in {entry.body} are damaged; store them "
            "again from their source",
            kind="outbox",
        )
    store.upload_source(
        entry.bucket,
        entry.key,
        entry.body,
        entry.content_type,
        create_only=entry.create_only,
        content_hash=entry.content_hash,
        user_metadata=entry.user_metadata,
    )


def _still_waiting(error: AstridError, outbox: Outbox) -> StorageUnavailableError:
    said = (
        f"{error.message}; {len(outbox.entries())} writes wait in {outbox.folder}: call sync() "
        "when the store is back"
    )
    if isinstance(error, StorageUnavailableError):
        return error.saying(said)
    return StorageUnavailableError(
        said, kind=error.kind, transient=error.transient, retry_after_s=error.retry_after_s
    )
