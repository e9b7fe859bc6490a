"""Pairs: science observations, and earlier or later ones of the same sky in the same light.

What is compared is what can be subtracted: the same survey (where no survey is named, the same
instrument) and the same filter, footprints that overlap, exposures some time apart.
"""

import difflib
import fnmatch
import re
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from astrid_sdk.catalog.contents import PURPOSES
from astrid_sdk.catalog.models.observation import Observation
from astrid_sdk.catalog.models.observation_table import LeftOutObservation, ObservationTable
from astrid_sdk.catalog.models.observations import observations
from astrid_sdk.catalog.pairs.frames import Frames, usable_of
from astrid_sdk.catalog.pairs.known_transients import transients_of
from astrid_sdk.catalog.pairs.pairing import pair_up
from astrid_sdk.catalog.pairs.search import PairRules
from astrid_sdk.catalog.pairs.table import PairTable
from astrid_sdk.catalog.search.finding import Query, find
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.sphere import angle, normalised, positions
from astrid_sdk.tiers import Tier

_REFERENCE = PURPOSES[1]
_OWN_PURPOSE = "it is kept as a reference: ask for purpose='reference' to search it too"
_WIDEST_DEG = 60.0  # science frames further apart are no one place
_BLANKS = re.compile(r"[\s_]+")


def find_pairs(
    catalog: Catalog,
    target: str | None = None,
    *,
    known_transients: Any = None,
    **conditions: Any,
) -> PairTable:
    """Return pairs of science and reference observations.

    Parameters
    ----------
    catalog : Catalog
    target : str, optional
        Pattern for the object's name in the science frames, such as ``"M31"`` or ``"sn2024*"``;
        case, blanks and underscores do not matter. References are found by the sky, whatever
        they call it.
    known_transients : sequence of KnownTransient, or table, optional
        As `transients_of` takes them. Each pair says whether its reference may hold one.
    **conditions
        Fields of `Query`, for the science observations (a cone, ``filter_band``, ``after``, …;
        ``tier`` is ``raw-observations`` where it is not given), and of `PairRules`.

    Raises
    ------
    InvalidInputError
        A condition is unknown, or its value cannot be used.
    """
    query, rules = _sorted_out(conditions)
    transients = None if known_transients is None else transients_of(known_transients)
    asked = observations(catalog, query if target is None else _called(catalog, query, target))
    chosen, left_out = _chosen(asked, query)
    is_all = target is None and query == _of_tier(query)
    others = asked if is_all else _around(catalog, chosen, query)
    return pair_up(chosen, others, rules, transients, left_out)


def _sorted_out(conditions: dict[str, Any]) -> tuple[Query, PairRules]:
    """Return what the conditions ask of the science frames, and of the pairs."""
    of_rules, of_query = ({f.name for f in fields(kind)} for kind in (PairRules, Query))
    for name in sorted(set(conditions) - of_rules - of_query):
        known = sorted(of_rules | of_query)
        near = difflib.get_close_matches(name, known, 1, 0.5)
        meant = f"do you mean {near[0]}?" if near else f"it takes {' '.join(known)}"
        raise InvalidInputError(f"pairs() knows no condition {name}: {meant}")
    rules = {name: value for name, value in conditions.items() if name in of_rules}
    asked = {name: value for name, value in conditions.items() if name not in of_rules}
    asked = {"tier": Tier.RAW_OBSERVATIONS, **asked, "include_excluded": False}
    return Query(**asked), PairRules(**rules)


def _chosen(
    asked: ObservationTable, query: Query
) -> tuple[list[Observation], list[LeftOutObservation]]:
    """Return the science frames that are meant, and those left out of them."""
    if query.purpose is not None:
        return list(asked), list(asked.left_out)
    own = [made for made in asked if made.purpose == _REFERENCE]
    kept = [LeftOutObservation(made.name, made.content_hash, _OWN_PURPOSE) for made in own]
    return [made for made in asked if made.purpose != _REFERENCE], [*asked.left_out, *kept]


def _called(catalog: Catalog, query: Query, target: str) -> Query:
    """Return `query` for the objects that `target` describes, as they are called here."""
    rows = find(catalog, replace(query, include_excluded=True))
    names = rows.to_arrow(["object_name"])["object_name"].unique().to_pylist()
    fits = re.compile(fnmatch.translate(_plain(target))).match
    meant = [_exactly(name) for name in names if name and fits(_plain(name))]
    return replace(query, object_name=meant)


def _plain(name: str) -> str:
    return _BLANKS.sub("", name).lower()


def _exactly(name: str) -> str:
    """Return the pattern that describes `name` only."""
    return re.sub(r"([*?[])", r"[\1]", name)


def _of_tier(query: Query) -> Query:
    """Return a query for all that is in the tier, at the moment that `query` asks about."""
    return Query(tier=query.tier, as_of=query.as_of)


def _around(catalog: Catalog, science: Sequence[Observation], query: Query) -> ObservationTable:
    """Return the observations near `science`, of any name, time and purpose."""
    frames = Frames.of(usable_of(science)[0])
    if not len(frames):
        return ObservationTable(())
    middle = normalised(frames.middle.sum(axis=0))
    apart = angle(frames.middle, middle) + 2 * frames.radius  # a reference may be a mere point
    radius_deg = float(np.degrees(apart.max()))
    wide = _of_tier(query)
    if radius_deg < _WIDEST_DEG:
        ra, dec = positions(middle)
        wide = replace(wide, ra_deg=float(ra), dec_deg=float(dec), radius_deg=radius_deg)
    return observations(catalog, wide)
