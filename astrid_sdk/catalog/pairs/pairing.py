"""Pairing: observations that are at hand, without asking the catalogue."""

from collections.abc import Sequence

from astrid_sdk.catalog.models.observation import Observation
from astrid_sdk.catalog.models.observation_table import LeftOutObservation
from astrid_sdk.catalog.pairs.frames import Frames, usable_of
from astrid_sdk.catalog.pairs.guard import TemplateGuard
from astrid_sdk.catalog.pairs.known_transients import KnownTransient
from astrid_sdk.catalog.pairs.search import PairRules, Tally, search
from astrid_sdk.catalog.pairs.table import PairTable
from astrid_sdk.errors import InvalidInputError

_DEFAULTS = PairRules()


def pair_up(
    science: Sequence[Observation],
    references: Sequence[Observation],
    rules: PairRules = _DEFAULTS,
    transients: Sequence[KnownTransient] | None = None,
    left_out: Sequence[LeftOutObservation] = (),
) -> PairTable:
    """Return the pairs of `science` and `references` that `rules` allow.

    Parameters
    ----------
    science, references : sequence of Observation
        May be the same; no observation is paired with itself.
    rules : PairRules
    transients : sequence of KnownTransient, optional
        None: the template guard checks nothing, and says so.
    left_out : sequence of LeftOutObservation
        Named by the table before those that the pairing leaves out.

    Raises
    ------
    InvalidInputError
        Contaminated references are to be left out, and no known transients are given.
    """
    if rules.exclude_contaminated and not transients:
        raise InvalidInputError(
            "exclude_contaminated takes known transients, and none were given: nothing would be "
            "checked",
            kind="pair_rules",
        )
    (usable, unusable), (others, unusable_others) = usable_of(science), usable_of(references)
    ours, theirs = Frames.of(usable), Frames.of(others)
    guard = TemplateGuard(transients, ours, theirs)
    found, tally = search(ours, theirs, rules, guard)
    alone = _alone(ours, set(found.science.tolist()), tally, rules)
    named = (*left_out, *unusable, *unusable_others, *alone)
    return PairTable(found, ours, theirs, guard, tuple(dict.fromkeys(named)))


def _alone(
    science: Frames, paired: set[int], tally: Tally, rules: PairRules
) -> list[LeftOutObservation]:
    """Return the science frames without a pair, and why."""
    return [
        LeftOutObservation(
            made.name,
            made.content_hash,
            tally.reason(place, str(science.light[place]), rules),
        )
        for place, made in enumerate(science.observations)
        if place not in paired
    ]
