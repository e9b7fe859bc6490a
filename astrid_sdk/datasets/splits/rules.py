"""How a dataset is to be split."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from astrid_sdk.errors import InvalidInputError

LINEAGE, SKY = "lineage", "sky"
HELD_OUT = "held_out_conflict"
"""Where samples stand that would tie two sides together: no side may have this name."""

SIDES = ("train", "validation", "test")
RADIUS_ARCSEC = 10.0
TOLERANCE = 0.1

_GROUPS = (LINEAGE, SKY)
_SIDE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_ROUNDING = 1e-6
_MOST_SIDES = 32
_MOST_ARCSEC = 3600.0 * 90
_TWO = 2


@dataclass(frozen=True, slots=True)
class SplitRules:
    """What a split is asked to be.

    Attributes
    ----------
    fractions : mapping of str to float
        Side to its share of the samples; they sum to 1.
    seed : int
        Another seed gives another split of the same rules.
    group_by : tuple of str
        ``"lineage"``: samples that share an ancestor or an exposure stay together; ``"sky"``:
        those within `radius_arcsec` do. The same content never stands on two sides.
    radius_arcsec : float
        On the great circle.
    stratify : bool
        Give every side the same share of each label, as far as the groups allow.
    shared_steps : tuple of str
        Steps whose outputs, with all that is reached only through them, may be behind samples of
        several sides.
    roles : tuple of str
        Roles of the files that are samples; by default those with a label, else triplets, else
        all.
    tolerance : float
        How far, as a share of all samples, a side may be from its fraction before a group is
        broken and samples are held out.
    """

    fractions: Mapping[str, float]
    seed: int = 0
    group_by: tuple[str, ...] = _GROUPS
    radius_arcsec: float = RADIUS_ARCSEC
    stratify: bool = True
    shared_steps: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    tolerance: float = TOLERANCE

    @classmethod
    def of(cls, fractions: Mapping[str, float] | Sequence[float], **rules: Any) -> Self:
        """Return the rules that people gave.

        Parameters
        ----------
        fractions : mapping of str to float, or sequence of float
            A sequence is train, validation, test; two numbers are train and test.
        **rules
            The other attributes.

        Raises
        ------
        InvalidInputError
            They cannot be rules; the message says which, and what to give.
        """
        known = set(cls.__dataclass_fields__) - {"fractions"}
        if unknown := sorted(set(rules) - known):
            raise InvalidInputError(
                f"a split has no rule {', '.join(unknown)}: it has {', '.join(sorted(known))}"
            )
        for name in ("group_by", "shared_steps", "roles"):
            if name in rules:
                rules[name] = _texts(rules[name], name)
        made = cls(_checked(_named(fractions)), **rules)
        _check_groups(made)
        return made

    @property
    def sides(self) -> tuple[str, ...]:
        """Names of the sides, in the order they were given."""
        return tuple(self.fractions)

    def to_json(self) -> dict[str, Any]:
        """Return the rules as plain JSON values; the order of the sides counts."""
        return asdict(self) | {"fractions": [[*pair] for pair in self.fractions.items()]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return the rules that `to_json` gave."""
        return cls.of(**{**value, "fractions": dict(value["fractions"])})


def _named(fractions: Mapping[str, float] | Sequence[float]) -> dict[str, float]:
    if isinstance(fractions, Mapping):
        return {str(side): share for side, share in fractions.items()}
    if not _TWO <= len(fractions) <= len(SIDES):
        raise InvalidInputError(
            "give two fractions (train, test), three (train, validation, test), or a mapping such "
            'as {"train": 0.8, "test": 0.2}'
        )
    names = SIDES if len(fractions) == len(SIDES) else (SIDES[0], SIDES[-1])
    return dict(zip(names, fractions, strict=True))


def _checked(fractions: dict[str, float]) -> dict[str, float]:
    for side, share in fractions.items():
        if not _SIDE.fullmatch(side) or side == HELD_OUT:
            raise InvalidInputError(f"{side!r} is no name of a side: use letters, digits, . _ -")
        if not _is_share(share):
            raise InvalidInputError(f"the fraction of {side} is {share!r}: give one above 0")
    if not _TWO <= len(fractions) <= _MOST_SIDES:
        raise InvalidInputError(f"a split has 2 to {_MOST_SIDES} sides, not {len(fractions)}")
    total = math.fsum(fractions.values())
    if not abs(total - 1) <= _ROUNDING:
        raise InvalidInputError(f"the fractions sum to {total:g}: they must sum to 1")
    return {side: float(share) for side, share in fractions.items()}


def _is_share(share: object) -> bool:
    return isinstance(share, int | float) and not isinstance(share, bool) and share > 0


def _is_whole(seed: object) -> bool:
    return isinstance(seed, int) and not isinstance(seed, bool)


def _texts(given: object, name: str) -> tuple[str, ...]:
    items = (given,) if isinstance(given, str) else given
    if not isinstance(items, Sequence) or not all(isinstance(item, str) for item in items):
        raise InvalidInputError(f"{name} takes names, such as {name}=('lineage',), not {given!r}")
    return tuple(sorted(set(items)))


def _check_groups(rules: SplitRules) -> None:
    if unknown := sorted(set(rules.group_by) - set(_GROUPS)):
        raise InvalidInputError(
            f"samples are grouped by {' and '.join(_GROUPS)}, not by {', '.join(unknown)}"
        )
    if not 0 <= rules.radius_arcsec <= _MOST_ARCSEC:
        raise InvalidInputError(f"{rules.radius_arcsec} arcsec is no radius: give 0 or more")
    if not 0 <= rules.tolerance <= 1:
        raise InvalidInputError(f"a tolerance of {rules.tolerance} is none: give 0 to 1")
    if not _is_whole(rules.seed):
        raise InvalidInputError(f"{rules.seed!r} is no seed: give a whole number")
