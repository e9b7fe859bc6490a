"""Which side each sample stands on: whole groups where they fit, broken ones where they must."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.datasets.splits.cutting import HELD, cost_of, cut, token_sides
from astrid_sdk.datasets.splits.groups import groups_of
from astrid_sdk.datasets.splits.nearness import UNKNOWN, chains
from astrid_sdk.datasets.splits.placing import placed
from astrid_sdk.datasets.splits.rules import LINEAGE, SKY, SplitRules
from astrid_sdk.datasets.splits.ties import Floats, Numbers, Ties
from astrid_sdk.datasets.splits.tokens import Tokens, tokens_of

_MOST_BROKEN = 8
_LEAST_GAIN = 1e-9


@dataclass(slots=True, eq=False)
class Solution:
    """Where the samples stand.

    Attributes
    ----------
    side : ndarray of int64
        Number of the side of each sample, `HELD` where it is held out.
    group : ndarray of int64
        The group of each sample.
    reasons : dict of int to str
        Why each sample is held out.
    """

    side: Numbers
    group: Numbers
    reasons: dict[int, str] = field(default_factory=dict)


def solve(ties: Ties, rules: SplitRules) -> Solution:
    """Return where to put the samples.

    Parameters
    ----------
    ties : Ties
        As `constrained` leaves them.
    rules : SplitRules
    """
    return _Solver(ties, rules).solution()


def constrained(ties: Ties, rules: SplitRules) -> Ties:
    """Return the ties that count: without lineage in `group_by` only the same content does."""
    if LINEAGE in rules.group_by:
        return ties
    counts = ties.strict & (ties.child < len(ties.samples))
    return Ties(ties.samples, ties.positions, ties.ties, ties.child, ties.parent, counts)


class _Solver:
    """The search for one split."""

    def __init__(self, ties: Ties, rules: SplitRules) -> None:
        self._ties = ties
        self._rules = rules
        self._shares = np.array([*rules.fractions.values()], np.float64)
        self._ranks = ranks_of(ties, rules.seed)
        self._columns = _columns(ties, stratify=rules.stratify)
        self._chain = (
            chains(ties.positions, rules.radius_arcsec)
            if SKY in rules.group_by
            else np.full(len(ties.samples), UNKNOWN, np.int64)
        )
        self._group = groups_of(ties, self._chain)
        self._broken: dict[int, tuple[Numbers, Tokens]] = {}

    def solution(self) -> Solution:
        side = self._with({})
        for group in self._largest():
            if self._is_balanced(side):
                break
            broken = self._broken | {group: self._break(group, side)}
            tried = self._with(broken)
            if self._cost(tried) < self._cost(side) - _LEAST_GAIN:
                side, self._broken = tried, broken
        return Solution(side, self._group, dict(self._reasons(side)))

    def _largest(self) -> Iterator[int]:
        """Yield the groups that are worth breaking."""
        sizes = np.bincount(self._group)
        order = np.lexsort((self._ranks_of_groups(), -sizes))[:_MOST_BROKEN]
        yield from (group for group in order.tolist() if sizes[group] > 1)

    def _break(self, group: int, side: Numbers) -> tuple[Numbers, Tokens]:
        """Return sides of the group's samples, so that the sides get what the others lack."""
        members = np.flatnonzero(self._group == group)
        others = np.bincount(side[(self._group != group) & (side != HELD)], minlength=self._sides)
        needs = np.maximum(self._shares * len(side) - others, 0)
        tokens = tokens_of(self._ties, members, self._chain, self._rules.radius_arcsec)
        found = cut(
            tokens.table, self._ranks[members], needs / needs.sum(), self._rules.tolerance / 2
        )
        return found, tokens

    def _with(self, broken: dict[int, tuple[Numbers, Tokens]]) -> Numbers:
        """Return the sides when some groups are broken so, and the others placed whole."""
        side = np.full(len(self._group), HELD, np.int64)
        is_whole = np.ones(len(self._group), np.bool_)
        for group, (sides, _) in broken.items():
            members = self._group == group
            side[members], is_whole[members] = sides, False
        have = _summed(self._columns[side != HELD], side[side != HELD], self._sides)
        whole, number = np.unique(self._group[is_whole], return_inverse=True)
        sizes = _summed(self._columns[is_whole], number.reshape(-1), len(whole))
        ranks = self._ranks_of_groups()[whole]
        side[is_whole] = placed(sizes, ranks, self._shares, have)[number.reshape(-1)]
        return side

    def _reasons(self, side: Numbers) -> Iterator[tuple[int, str]]:
        """Yield the samples that are held out, and what would tie two sides by each."""
        for group, (_, tokens) in self._broken.items():
            members = np.flatnonzero(self._group == group)
            on = token_sides(tokens.table, side[members], self._sides).tolist()
            for row in np.flatnonzero(side[members] == HELD).tolist():
                start, end = tokens.table.indptr[row : row + 2]
                held = tokens.table.indices[start:end].tolist()
                yield int(members[row]), self._reason([(tokens.words[it], on[it]) for it in held])

    def _reason(self, held: list[tuple[str, int]]) -> str:
        """Return what stands on which side; ties of a sample on no two sides are not told."""
        told: dict[str, str] = {}
        for words, bits in held:
            for number, name in enumerate(self._rules.sides):
                if bits >> number & 1:
                    told.setdefault(name, words)
        return "; ".join(f"shares {words} with {name}" for name, words in told.items())

    def _cost(self, side: Numbers) -> float:
        return cost_of(self._counts(side), len(side), self._shares, self._rules.tolerance)

    def _is_balanced(self, side: Numbers) -> bool:
        counts = self._counts(side)
        off = np.abs(counts / max(counts.sum(), 1) - self._shares).max()
        return bool(off <= self._rules.tolerance and counts.min() > 0)

    def _counts(self, side: Numbers) -> Floats:
        return np.bincount(side[side != HELD], minlength=self._sides).astype(np.float64)

    def _ranks_of_groups(self) -> Numbers:
        first = np.full(int(self._group.max()) + 1, len(self._group), np.int64)
        np.minimum.at(first, self._group, self._ranks)
        return first

    @property
    def _sides(self) -> int:
        return len(self._shares)


def ranks_of(ties: Ties, seed: int) -> Numbers:
    """Return the place of each sample in an order by chance, the same for the same seed."""
    drawn = [sha256_hex(f"{seed} {it.content_hash} {it.path}".encode()) for it in ties.samples]
    ranks = np.empty(len(drawn), np.int64)
    ranks[np.argsort(np.array(drawn, "U64"), kind="stable")] = np.arange(len(drawn))
    return ranks


def _columns(ties: Ties, *, stratify: bool) -> Floats:
    """Return what each sample counts for: itself, and its label."""
    labels = [sample.label or "" for sample in ties.samples]
    known = sorted(set(labels)) if stratify else []
    columns = [[1.0, *(label == each for each in known)] for label in labels]
    return np.array(columns, np.float64)


def _summed(columns: Floats, number: Numbers, count: int) -> Floats:
    return np.stack(
        [np.bincount(number, column, minlength=count) for column in columns.T], axis=1
    ).astype(np.float64)
