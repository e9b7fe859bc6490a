"""From ties and rules to a split, with what could not be done as asked."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from astrid_sdk.datasets.splits.cutting import HELD
from astrid_sdk.datasets.splits.rules import SKY, SplitRules
from astrid_sdk.datasets.splits.sharing import allowed_ties
from astrid_sdk.datasets.splits.solving import Solution, constrained, solve
from astrid_sdk.datasets.splits.split import HeldOut, Split
from astrid_sdk.datasets.splits.ties import Sample, Ties, unplaced
from astrid_sdk.datasets.splits.tokens import shared_by_most
from astrid_sdk.errors import InvalidInputError

_FAR = 0.02  # a share so far from what was asked is told
_FAR_CLASS = 0.1
_SHOWN_TIES = 3


def split_of(ties: Ties, rules: SplitRules, dataset_id: str, manifest_hash: str) -> Split:
    """Return the split.

    Parameters
    ----------
    ties : Ties
    rules : SplitRules
    dataset_id, manifest_hash : str

    Raises
    ------
    InvalidInputError
        A side would be empty: the samples are tied too closely (kind ``one_group``) or too few.
    """
    counting = constrained(ties, rules)
    solution = solve(counting, rules)
    _require_all_sides(counting, rules, solution)
    sides = solution.side.tolist()
    samples: dict[str, list[Sample]] = {side: [] for side in rules.sides}
    for sample, number in zip(ties.samples, sides, strict=True):
        if number != HELD:
            samples[rules.sides[number]].append(sample)
    return Split(
        dataset_id=dataset_id,
        manifest_hash=manifest_hash,
        rules=rules,
        samples={side: tuple(found) for side, found in samples.items()},
        held_out_conflict=tuple(_held(ties, solution)),
        groups=int(solution.group.max()) + 1,
        allowed=tuple(allowed_ties(counting, solution.side)),
        notes=tuple(_notes(counting, rules, solution)),
    )


def _held(ties: Ties, solution: Solution) -> Iterator[HeldOut]:
    for number, reason in sorted(solution.reasons.items()):
        sample = ties.samples[number]
        yield HeldOut(sample.path, sample.content_hash, sample.label, reason)


def _require_all_sides(ties: Ties, rules: SplitRules, solution: Solution) -> None:
    counts = np.bincount(solution.side[solution.side != HELD], minlength=len(rules.sides))
    empty = [side for side, count in zip(rules.sides, counts.tolist(), strict=True) if not count]
    if not empty:
        return
    if len(ties.samples) < len(rules.sides):
        raise InvalidInputError(
            f"{len(ties.samples)} samples cannot be on {len(rules.sides)} sides: label more",
            kind="few_samples",
        )
    raise InvalidInputError(
        f"nothing can stand on {' and '.join(empty)}: {_what_ties(ties, rules, solution)}",
        kind="one_group",
    )


def _what_ties(ties: Ties, rules: SplitRules, solution: Solution) -> str:
    """Return what holds the largest group together, and what could be done."""
    sizes = np.bincount(solution.group)
    largest = int(sizes.argmax())
    shared = shared_by_most(ties, np.flatnonzero(solution.group == largest))
    told = f"{sizes[largest]} of {len(ties.samples)} samples are one group"
    if not shared:
        return f"{told}, held together by the sky: a smaller radius_arcsec would part them"
    words = ", ".join(tie.words() for tie, _ in shared[:_SHOWN_TIES])
    steps = sorted({tie.step for tie, _ in shared if tie.step} - set(rules.shared_steps))
    options = " ".join(f"--shared-step {step}" for step in steps)
    advice = (
        f"; if that may be behind several sides, allow it with shared_steps={tuple(steps)} "
        f"({options})"
        if steps
        else ""
    )
    return f"{told}, and {shared[0][1]} of them go back to {words}{advice}"


def _notes(ties: Ties, rules: SplitRules, solution: Solution) -> Iterator[str]:
    if SKY in rules.group_by:
        yield from unplaced(ties)
    kept = solution.side[solution.side != HELD]
    shares = np.bincount(kept, minlength=len(rules.sides)) / max(len(kept), 1)
    off = [
        f"{side} has {share:.3f} of the samples, not {asked:.3f}"
        for (side, asked), share in zip(rules.fractions.items(), shares.tolist(), strict=True)
        if abs(share - asked) > _FAR
    ]
    if off:
        yield f"{'; '.join(off)}: {_what_ties(ties, rules, solution)}"
    if rules.stratify:
        yield from _unbalanced(ties, rules, solution)


def _unbalanced(ties: Ties, rules: SplitRules, solution: Solution) -> Iterator[str]:
    """Yield the labels whose share on a side is far from their share of all."""
    sides = solution.side.tolist()
    on_side = Counter(
        (number, sample.label)
        for number, sample in zip(sides, ties.samples, strict=True)
        if number != HELD
    )
    labels = Counter[str | None]()
    sizes = Counter[int]()
    for (number, label), count in on_side.items():
        labels[label] += count
        sizes[number] += count
    for label in sorted(label for label in labels if label is not None):
        share = labels[label] / sizes.total()
        for number, side in enumerate(rules.sides):
            here = on_side[number, label] / max(sizes[number], 1)
            if abs(here - share) > _FAR_CLASS:
                yield (
                    f"{label} is {here:.2f} of {side} and {share:.2f} of all: the groups do not "
                    "allow it to be even"
                )
