"""What the catalogue knows of a dataset's files, filled in where the caller left it out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from astrid_sdk.catalog.search.told import told_of
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.datasets.manifest import DatasetFile
from astrid_sdk.datasets.naming import named
from astrid_sdk.datasets.roles import role_of
from astrid_sdk.errors import NotFoundError
from astrid_sdk.tiers import Tier

RawBehind: TypeAlias = Callable[[Sequence[str]], Mapping[str, tuple[str, ...]]]
"""Says of contents which raw contents each shows."""

_SHOWN_MISSING = 3


@dataclass(frozen=True, slots=True)
class Filled:
    """Files as a manifest lists them.

    Attributes
    ----------
    files : sequence of DatasetFile
    unlinked : frozenset of str
        Sources that the caller named and that lineage does not find above the files.
    """

    files: Sequence[DatasetFile]
    unlinked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Filling:
    """Fills in what is known of files: size, place, tier, role, label, path and sources.

    Parameters
    ----------
    catalog : Catalog
    raw_behind : callable
    labels : callable
        Returns what people said last, by content hash.
    """

    catalog: Catalog
    raw_behind: RawBehind
    labels: Callable[[], Mapping[str, str]]

    def __call__(self, files: Iterable[DatasetFile], *, strictly: bool = True) -> Filled:
        """Return `files` with what is known of them; what the caller said stays.

        Parameters
        ----------
        files : iterable of DatasetFile
            A path, tier or role of "" is one that the caller did not say.
        strictly : bool
            Refuse contents that are not stored: no version could be had back with them.

        Raises
        ------
        NotFoundError
            A content is not stored (``kind="not_stored"``).
        """
        given = list(files)
        told = told_of(self.catalog, {file.content_hash for file in given})
        if strictly:
            _require_stored(given, told)
        labels = self.labels() if any(file.label is None for file in given) else {}
        behind = self.raw_behind([file.content_hash for file in given])
        names = {content_hash: rows[0]["name"] for content_hash, rows in told.items()}
        filled = [
            _filled(file, path, told.get(file.content_hash, []), labels, behind[file.content_hash])
            for file, path in named(given, names)
        ]
        unlinked = {
            source
            for file in given
            for source in file.sources
            if source not in behind[file.content_hash] and source != file.content_hash
        }
        return Filled(filled, frozenset(unlinked))


def _filled(
    file: DatasetFile,
    path: str,
    rows: Sequence[Mapping[str, Any]],
    labels: Mapping[str, str],
    behind: Sequence[str],
) -> DatasetFile:
    if not rows:
        return replace(file, path=path)
    row = rows[0] if len(rows) == 1 else _best(rows, file.tier)
    tier = file.tier or row["tier"]
    ra_deg, dec_deg = file.ra_deg, file.dec_deg
    if ra_deg is None:
        ra_deg, dec_deg = row["ra_deg"], row["dec_deg"]
    return DatasetFile(
        content_hash=file.content_hash,
        path=path,
        tier=tier,
        role=file.role or role_of(row["role"]),
        label=labels.get(file.content_hash) if file.label is None else file.label,
        sources=file.sources or _sources(file.content_hash, tier, behind),
        size_bytes=row["size_bytes"] if file.size_bytes is None else file.size_bytes,
        ra_deg=ra_deg,
        dec_deg=dec_deg,
    )


def _best(rows: Sequence[Mapping[str, Any]], tier: str) -> Mapping[str, Any]:
    """Return the row of the tier that is meant, with the first position that any row has."""
    row = next((row for row in rows if row["tier"] == tier), rows[0])
    place = next((each for each in (row, *rows) if each["ra_deg"] is not None), row)
    return {**row, "ra_deg": place["ra_deg"], "dec_deg": place["dec_deg"]}


def _sources(content_hash: str, tier: str, behind: Sequence[str]) -> tuple[str, ...]:
    """Return the raw contents behind a file; what is no raw frame and was not made has none."""
    is_itself = list(behind) == [content_hash]
    return () if is_itself and tier != Tier.RAW_OBSERVATIONS else tuple(behind)


def _require_stored(
    files: Sequence[DatasetFile], told: Mapping[str, Sequence[Mapping[str, Any]]]
) -> None:
    missing = [file for file in files if file.content_hash not in told]
    if missing:
        shown = ", ".join(file.content_hash[:8] for file in missing[:_SHOWN_MISSING])
        raise NotFoundError(
            f"{len(missing)} of {len(files)} contents are not stored, such as {shown}: store them "
            "first, for a version holds only what can be had back",
            kind="not_stored",
        )
