"""Observations of the catalogue: image, weight and mask of one exposure put together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import takewhile
from typing import Any

from astrid_sdk.catalog.models.observation import IMAGE, MASK, WEIGHT, Observation, ObservationFile
from astrid_sdk.catalog.models.observation_table import LeftOutObservation, ObservationTable
from astrid_sdk.catalog.search.finding import Found, Query, find
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.dialect import UNKNOWN
from astrid_sdk.sky.night import UNDATED

_ROLES = {"image": IMAGE, "frame": IMAGE, "weight": WEIGHT, "mask": MASK}  # of rows: of files
_ID_DIGITS = 16
_SAME = (
    "object_name",
    "ra_deg",
    "dec_deg",
    "midpoint_mjd_tai",
    "exposure_time_s",
    "instrument",
    "telescope",
    "survey",
    "detector",
    "pixel_scale_arcsec",
    "seeing_arcsec",
    "bitpix",
)


def observations(catalog: Catalog, query: Query) -> ObservationTable:
    """Return the observations whose image meets `query`, in the order of their exposures.

    Weight and mask come along by the exposure they share, whether they meet the conditions or
    not. What is excluded takes no part; a weight or mask without an image is named in
    ``left_out``.

    Parameters
    ----------
    catalog : Catalog
    query : Query
        Its ``role`` is not looked at: an observation is found by its image. ``limit`` and
        ``offset`` count observations.
    """
    wide = replace(query, role=list(_ROLES), include_excluded=True, limit=None, offset=0)
    asked = find(catalog, wide)
    matched = list(asked)
    groups = _grouped(matched, _companions(catalog, query, matched))
    made: list[Observation] = []
    left_out: list[LeftOutObservation] = []
    for group in groups.values():
        for answer in _of_group(group, keep_excluded=query.include_excluded):
            if isinstance(answer, Observation):
                made.append(answer)
            else:
                left_out.append(answer)
    last = None if query.limit is None else query.offset + query.limit
    return ObservationTable(
        sorted(made, key=_in_time)[query.offset : last], left_out, lambda: asked.why_empty
    )


@dataclass(slots=True)
class _Group:
    """The rows of one exposure; `images` meet the query, and so do `asked` of the companions."""

    images: list[Found] = field(default_factory=list)
    companions: list[Found] = field(default_factory=list)
    asked: list[Found] = field(default_factory=list)
    has_other_image: bool = False


def _grouped(matched: Iterable[Found], others: Iterable[Found]) -> dict[tuple[str, ...], _Group]:
    groups: dict[tuple[str, ...], _Group] = {}
    for row in matched:
        group = groups.setdefault(_key(row), _Group())
        is_image = _ROLES[str(row.role)] == IMAGE
        (group.images if is_image else group.companions).append(row)
        if not is_image:
            group.asked.append(row)
    for row in others:
        shared = groups.get(_key(row), _Group())  # none of them where it is of another tier
        if _ROLES[str(row.role)] == IMAGE:
            shared.has_other_image = True
        else:
            shared.companions.append(row)
    return groups


def _companions(catalog: Catalog, query: Query, matched: Sequence[Found]) -> list[Found]:
    """Return the rows of the same exposures that do not meet the query themselves."""
    ids = sorted({row.observation_id for row in matched if row.observation_id})
    if not ids:
        return []
    there = {(row.tier, row.content_hash, row.hdu_index) for row in matched}
    same = Query(observation_id=ids, role=list(_ROLES), tier=query.tier, as_of=query.as_of)
    rows = find(catalog, replace(same, include_excluded=True))
    return [row for row in rows if (row.tier, row.content_hash, row.hdu_index) not in there]


def _key(row: Found) -> tuple[str, ...]:
    """Return what the rows of one exposure share: its id, else the file."""
    if row.observation_id:
        return (row.tier, "id", row.observation_id)
    return (row.tier, "file", row.content_hash)


def _of_group(group: _Group, *, keep_excluded: bool) -> Iterator[Observation | LeftOutObservation]:
    usable = [row for row in group.images if keep_excluded or not row.excluded]
    for row in group.images:
        if row.excluded and not keep_excluded:
            yield _left_out(row, f"excluded: {row.excluded}")
    for row in group.asked:
        if reason := _no_place(row, group):
            yield _left_out(row, reason)
    companions = [row for row in group.companions if keep_excluded or not row.excluded]
    given = {} if _untold(group.images) else _given_to(usable, companions)
    for place, image in enumerate(usable):
        yield _observation(image, given.get(place, []))


def _no_place(row: Found, group: _Group) -> str:
    if not group.images and not group.has_other_image:
        if row.observation_id:
            return f"a {row.role} without an image of its exposure: ingest that too"
        return f"a {row.role} whose header does not tell of which image"
    if _untold(group.images):
        return f"its file holds {len(group.images)} images and does not say whose {row.role} it is"
    return ""


def _untold(images: Sequence[Found]) -> bool:
    """Return whether images share nothing but their file: whose a weight is cannot be told."""
    return sum(not image.observation_id for image in images) > 1


def _given_to(images: Sequence[Found], companions: Iterable[Found]) -> dict[int, list[Found]]:
    """Return the companions of each image.

    A weight belongs to the image in its own file; among several reductions of one exposure, to
    the one whose name is most like its own.
    """
    given: dict[int, list[Found]] = {place: [] for place in range(len(images))}
    for row in companions:
        if images:
            given[max(given, key=lambda place: _likeness(row, images[place]))].append(row)
    return given


def _likeness(row: Found, image: Found) -> tuple[bool, int]:
    ends = _alike(row.name, image.name) + _alike(row.name[::-1], image.name[::-1])
    return (row.content_hash == image.content_hash, ends)


def _alike(a: str, b: str) -> int:
    """Return with how many letters both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))


def _observation(image: Found, companions: Sequence[Found]) -> Observation | LeftOutObservation:
    try:
        return Observation(
            observation_id=_id_of(image),
            files=tuple(_file(row) for row in (image, *companions)),
            tier=image.tier,
            purpose=image.purpose,
            **_told(image.summary),
        )
    except InvalidInputError as unfit:
        return _left_out(image, f"its summary cannot be right: {unfit.message}")


def _told(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a summary says, in the words of an observation."""
    start = summary.get("observation_time")
    return {
        **{name: _known(summary.get(name), "") for name in _SAME},
        "filter_band": _known(summary.get("filter_band"), UNKNOWN),
        "night": _known(summary.get("night"), UNDATED) or None,
        "observation_time": datetime.fromisoformat(start) if start else None,
        "footprint": summary.get("footprint") or None,
        "shape": summary.get("shape") or None,
        "warnings": tuple(said for said in summary.get("warnings") or () if said),
    }


def _known(value: Any, unknown: str) -> Any:
    return None if value == unknown else value


def _id_of(image: Found) -> str:
    alone = f"{image.content_hash[:_ID_DIGITS]}-{image.hdu_index or 0}"
    return image.observation_id or alone


def _file(row: Found) -> ObservationFile:
    index = row.hdu_index or 0
    return ObservationFile(_ROLES[str(row.role)], row.content_hash, index, row.name or None)


def _left_out(row: Found, reason: str) -> LeftOutObservation:
    return LeftOutObservation(row.name, row.content_hash, reason)


def _in_time(made: Observation) -> tuple[bool, str, str, int]:
    start = made.observation_time
    return (start is None, str(start), made.content_hash, made.hdu_index)
