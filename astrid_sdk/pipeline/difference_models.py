"""Stored difference images as domain models, with the two frames that each was made from."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from astrid_sdk import arrow
from astrid_sdk.catalog.lookup import codes_of
from astrid_sdk.catalog.models.difference_image import DifferenceImage
from astrid_sdk.catalog.search.finding import Found, Query, find
from astrid_sdk.catalog.steps.derivations import Derivation, Derivations
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.errors import NotFoundError
from astrid_sdk.sky.dialect import UNKNOWN
from astrid_sdk.sky.night import UNDATED

_STEP = "subtract"  # `pipeline.steps.subtract` itself takes seconds to import
_FRAMES = ("science", "reference")
_EXPOSURE = ["content_hash", "observation_id", "observation_time"]


def difference_images(
    catalog: Catalog, derivations: Derivations, query: Query
) -> list[DifferenceImage]:
    """Return the stored difference images that meet `query`, in the order of their exposures.

    Parameters
    ----------
    catalog : Catalog
    derivations : Derivations
    query : Query
        Its ``step`` is ``"subtract"`` where it names none. A function of one's own counts where
        it takes one ``science`` and one ``reference``; what others made is passed over.

    Raises
    ------
    NotFoundError
        The derivation of one was deleted.
    """
    rows = list(find(catalog, query if query.step else replace(query, step=_STEP)))
    made = derivations.find_many([row.derivation_key for row in rows if row.derivation_key])
    pairs = [(row, _maker(row, made)) for row in rows if row.derivation_key]
    known = [(row, maker, frames) for row, maker in pairs if (frames := _frames_of(maker))]
    exposures = _exposures(catalog, (used for _, _, frames in known for used in frames))
    return [_model(row, maker, frames, exposures) for row, maker, frames in known]


def _maker(row: Found, made: Mapping[str, Derivation]) -> Derivation:
    if row.derivation_key not in made:
        raise NotFoundError(
            f"{row.name}@{row.content_hash[:8]} was made by derivation {row.derivation_key}, which "
            "is no longer stored: make the difference again"
        )
    return made[row.derivation_key]


def _frames_of(maker: Derivation) -> tuple[str, str] | None:
    """Return science and reference, or None where they were not one of each."""
    used = [maker.inputs.get(role, ()) for role in _FRAMES]
    if any(len(hashes) != 1 for hashes in used):
        return None
    (science,), (reference,) = used
    return science, reference


def _model(
    row: Found, maker: Derivation, frames: tuple[str, str], exposures: Mapping[str, str]
) -> DifferenceImage:
    science, reference = frames
    return DifferenceImage(
        content_hash=row.content_hash,
        science_hash=science,
        reference_hash=reference,
        derivation_key=maker.key,
        science_observation_id=exposures.get(science),
        reference_observation_id=exposures.get(reference),
        name=row.name or None,
        filter_band=_known(row.filter_band, UNKNOWN),
        night=_known(row.night, UNDATED),
        ra_deg=row.ra_deg,
        dec_deg=row.dec_deg,
        observation_time=row.observation_time,
        midpoint_mjd_tai=row.summary.get("midpoint_mjd_tai"),
        statistics=_numbers(maker.facts),
    )


def _known(value: str | None, unknown: str) -> str | None:
    return None if value == unknown else value or None


def _numbers(facts: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    return tuple(
        (name, float(value))
        for name, value in facts.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    )


def _exposures(catalog: Catalog, frames: Iterable[str]) -> dict[str, str]:
    """Return by content hash the observation that a frame is, of those that are one.

    A co-added template has no start: its record tells of the first of many exposures.
    """
    hashes = arrow.column(sorted(set(frames)), pa.string())
    rows = catalog.answer(lambda: _told(catalog, hashes))
    found: dict[str, set[str]] = {}
    for row in rows:
        if row["observation_id"] and row["observation_time"]:
            found.setdefault(row["content_hash"], set()).add(row["observation_id"])
    return {frame: ids.pop() for frame, ids in found.items() if len(ids) == 1}


def _told(catalog: Catalog, hashes: pa.Array) -> list[dict[str, Any]]:
    rows = catalog.snapshot(refresh=False).record_rows
    places = rows.with_code(codes_of(hashes)) if len(hashes) else np.array([], np.int64)
    told: list[dict[str, Any]] = arrow.to_rows(rows.take(places, _EXPOSURE))
    return told
