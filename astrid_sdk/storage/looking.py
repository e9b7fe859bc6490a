"""Which of many keys are there, with few requests: one listing as far as it pays, then heads."""

from collections.abc import Iterator, Sequence

from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.operations import Head, ListPage, StoredObject

_KEYS_PER_PAGE = 300
"""A page that finds fewer than this of the keys costs more than asking for them singly."""
_LEAST_PAGES = 3
_FEW = 4


def look_up(
    storage: ObjectStorage, bucket: str, prefix: str, keys: Sequence[str]
) -> dict[str, StoredObject]:
    """Return what is stored under each of `keys`; those that are surely not there are absent.

    The listing skips from each key to the next, and is given up when most of what it lists was
    not asked for. Objects that were asked for singly carry their metadata, listed ones do not.

    Parameters
    ----------
    storage : ObjectStorage
    bucket, prefix : str
        All keys start with `prefix`.
    keys : sequence of str

    Raises
    ------
    NotFoundError
        There is no such bucket; a few keys in one are just not there.
    """
    wanted = sorted(set(keys), key=str.encode)
    found: dict[str, StoredObject] = {}
    rest: Sequence[str] = wanted
    if len(wanted) > _FEW:
        rest = _listed(storage, bucket, prefix, wanted, found)
    for outcome in storage.perform_many(_heads(bucket, rest)):
        stored = outcome.value()
        if stored is not None:
            found[outcome.operation.where] = stored
    return found


def _listed(
    storage: ObjectStorage,
    bucket: str,
    prefix: str,
    wanted: Sequence[str],
    found: dict[str, StoredObject],
) -> Sequence[str]:
    """Add to `found` what a listing shows of `wanted`; return the keys it did not come to."""
    at = 0
    asked = set(wanted)
    for _page in range(max(_LEAST_PAGES, len(wanted) // _KEYS_PER_PAGE)):
        after = _just_before(wanted[at])
        page = storage.perform(ListPage(bucket=bucket, prefix=prefix, start_after=after))
        found.update({stored.key: stored for stored in page.objects if stored.key in asked})
        if page.next_token is None or not page.objects:
            return ()
        last = page.objects[-1].key.encode()
        while at < len(wanted) and wanted[at].encode() <= last:
            at += 1
        if at == len(wanted):
            return ()
    return wanted[at:]


def _heads(bucket: str, keys: Sequence[str]) -> Iterator[Head]:
    return (Head(bucket=bucket, key=key) for key in keys)


def _just_before(key: str) -> str:
    """Return a text that sorts before `key`, and behind every other blob key before it."""
    return key[:-1] + chr(ord(key[-1]) - 1)
