"""Deleting a content and having it back: the reference goes, the bytes stay until they are swept.

A deletion is a record, a tombstone, that names the records which told of the content then. Whoever
stores or makes the content again makes it visible again; so does a restore.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from astrid_sdk import arrow
from astrid_sdk.catalog.lineage.graph import LineageGraph
from astrid_sdk.catalog.lookup import digits_of
from astrid_sdk.catalog.search.finding import Found, find_each
from astrid_sdk.catalog.snapshot import Snapshot
from astrid_sdk.catalog.tables import SHORTEST_PREFIX, Catalog
from astrid_sdk.errors import InvalidInputError, NeededError, NotFoundError
from astrid_sdk.storage.records import Record, RecordKind, RecordLog
from astrid_sdk.storage.tombstones import restore
from astrid_sdk.tiers import Tier

_LATER = timedelta(microseconds=1)
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Deletion:
    """What was deleted.

    Attributes
    ----------
    content_hash, name : str
    tiers : tuple of str
        Where it is no longer found.
    reason : str
    deleted_at : datetime
        Aware UTC time; a search ``as_of`` a moment before finds it.
    needed_by : tuple of str
        The dataset versions and models that need it all the same.
    """

    content_hash: str
    name: str
    tiers: tuple[str, ...]
    reason: str
    deleted_at: datetime
    needed_by: tuple[str, ...] = ()


class Deleting:
    """Deletes and restores contents of one catalogue.

    Parameters
    ----------
    catalog : Catalog
    records : RecordLog
    impact : callable
        Returns what was made from a content.
    """

    def __init__(
        self, catalog: Catalog, records: RecordLog, impact: Callable[[str], LineageGraph]
    ) -> None:
        self._catalog = catalog
        self._records = records
        self._impact = impact

    def delete(
        self, content_hash: str, tier: Tier | str | None, reason: str, *, force: bool
    ) -> Deletion:
        """Delete what tells of a content, in one tier or in all.

        Raises
        ------
        InvalidInputError
            `reason` is empty, or there is no such tier.
        NotFoundError
            Nothing stored has that hash, or nothing in that tier.
        NeededError
            Dataset versions or models need it.
        """
        if not reason.strip():
            raise InvalidInputError('a deletion needs a reason, such as reason="not ours to keep"')
        rows = find_each(self._catalog, content_hash)
        first = rows[0]
        tiers = {row.tier: row for row in rows}
        chosen = _chosen(tiers, tier, first)
        needed = () if len(chosen) < len(tiers) else self._needed_by(first)
        if needed and not force:
            raise _needed(first, needed)
        stones = list(self._tombstones(first.content_hash, chosen, reason))
        if self._records.tombstones is not None:
            self._records.tombstones.mark(stones)
        self._records.append(stones)
        self._catalog.refresh()  # `why` marks it from now on
        last = max((stone.created_at for stone in stones), default=datetime.now(UTC))
        return Deletion(first.content_hash, first.name, tuple(chosen), reason, last, needed)

    def restore(self, content_hash: str) -> tuple[Tier, ...]:
        """Take all deletions of a content back; return the tiers where it is found again.

        Raises
        ------
        NotFoundError
            No deleted content has that hash.
        InvalidInputError
            The prefix is too short, or several hashes start with it.
        """
        deleted = self._catalog.answer(lambda: self._deleted(content_hash))
        restores = list(_restores(deleted))
        self._records.append(restores)
        if self._records.tombstones is not None:
            self._records.tombstones.remember(restores)
        self._catalog.refresh()
        return tuple(record.tier for record in restores)

    def _needed_by(self, found: Found) -> tuple[str, ...]:
        graph = self._impact(found.content_hash)
        models = [
            f"model {node}"
            for node in graph.walk()
            if node.tier == Tier.MODELS and node is not graph.root and not node.deleted
        ]
        return (*graph.dataset_versions(), *models)

    def _tombstones(
        self, content_hash: str, chosen: Mapping[str, Found], reason: str
    ) -> Iterator[Record]:
        snapshot = self._catalog.snapshot()
        counting = snapshot.telling_of(content_hash)
        tellings = snapshot.records_of(content_hash)
        for tier, found in chosen.items():
            ids = pc.unique(counting.filter(arrow.equal(counting["tier"], tier))["record_id"])
            if not len(ids):  # somebody else deleted it just now
                continue
            yield Record(
                kind=RecordKind.TOMBSTONE,
                content_hash=content_hash,
                tier=Tier(tier),
                size_bytes=found.size_bytes,
                media_type=found.media_type,
                name=found.name,
                created_at=_after(tellings, ids),
                details={"reason": reason, "records": sorted(ids.to_pylist())},
            )

    def _deleted(self, content_hash: str) -> Sequence[Mapping[str, Any]]:
        digits = digits_of(content_hash)
        if len(digits) < SHORTEST_PREFIX:
            raise InvalidInputError(
                f"{content_hash!r} is too short: give at least {SHORTEST_PREFIX} digits of the "
                "hash",
                kind="short_prefix",
            )
        stones = _stones(self._catalog.snapshot(), digits)
        hashes = {stone["content_hash"] for stone in stones}
        if not hashes:
            raise NotFoundError(f"nothing deleted has a hash that starts with {digits!r}")
        if len(hashes) > 1:
            raise InvalidInputError(
                f"{len(hashes)} deleted hashes start with {digits!r}: give more digits",
                kind="ambiguous",
            )
        return stones


def _chosen(
    tiers: Mapping[str, Found], tier: Tier | str | None, found: Found
) -> Mapping[str, Found]:
    if tier is None:
        return tiers
    wanted = Tier.parse(tier).value
    if wanted not in tiers:
        raise NotFoundError(
            f"{found.name}@{found.content_hash[:8]} is not in {wanted}, but in {', '.join(tiers)}"
        )
    return {wanted: tiers[wanted]}


def _needed(found: Found, needed: Collection[str]) -> NeededError:
    named = ", ".join([*needed][:_MOST_NAMED])
    more = f" and {len(needed) - _MOST_NAMED} more" if len(needed) > _MOST_NAMED else ""
    return NeededError(
        f"{found.name}@{found.content_hash[:8]} is needed by {named}{more}: leave it out of "
        "searches with exclude, or delete it all the same with force (--force)",
        needed_by=sorted(needed),
    )


def _after(tellings: pa.Table, record_ids: pa.Array) -> datetime:
    """Return now, or a moment after the last telling where another machine's clock is ahead."""
    told = tellings.filter(pc.is_in(tellings["record_id"], value_set=record_ids))
    last: datetime = arrow.to_value(pc.max(told["created_at"]))
    return max(datetime.now(UTC), last.astimezone(UTC) + _LATER)


def _stones(snapshot: Snapshot, digits: str) -> Sequence[Mapping[str, Any]]:
    stones = snapshot.tombstones_with(digits)
    told = ["record_id", "content_hash", "tier", "size_bytes", "media_type", "name"]
    found: list[Mapping[str, Any]] = snapshot.record_rows.take(
        arrow.to_numpy(stones["place"]), told
    ).to_pylist()
    return found


def _restores(stones: Sequence[Mapping[str, Any]]) -> Iterator[Record]:
    by_tier: dict[str, list[Mapping[str, Any]]] = {}
    for stone in stones:
        by_tier.setdefault(stone["tier"], []).append(stone)
    for tier, some in sorted(by_tier.items()):
        told = Record(
            kind=RecordKind.TOMBSTONE,
            content_hash=some[0]["content_hash"],
            tier=Tier(tier),
            size_bytes=some[0]["size_bytes"],
            media_type=some[0]["media_type"],
            name=some[0]["name"],
        )
        yield restore(told, sorted({stone["record_id"] for stone in some}))
