"""Roles, what each may do, and what each operation of the service asks for: two tables."""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from astrid_sdk.api.access import Verb
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.tiers import Tier


class Role(enum.StrEnum):
    """What somebody is in a tier; each may do what those before it may."""

    READER = "reader"
    WRITER = "writer"
    CURATOR = "curator"
    ADMIN = "admin"


Roles = Mapping[Tier, Role]
_ORDER: Final = tuple(Role)
_ADDED: Final[Mapping[Role, Verb]] = {
    Role.READER: Verb.READ,  # search, metadata, download, lineage
    Role.WRITER: Verb.WRITE,  # upload
    Role.CURATOR: Verb.CURATE,  # dataset versions, deletions
    Role.ADMIN: Verb.ADMIN,  # deletions of what is still needed
}
VERBS: Final[Mapping[Role, frozenset[Verb]]] = {
    role: frozenset(_ADDED[each] for each in _ORDER[: place + 1])
    for place, role in enumerate(_ORDER)
}
"""What a role may do."""


class Where(enum.Enum):
    """In which tier an operation asks for its right."""

    THE_CONTENT = "where the content is, or goes"
    DATASETS = "in the tier of datasets"
    NOWHERE = "in none: whoever is known may"
    OPEN = "of nobody: credentials are not asked for"


@dataclass(frozen=True, slots=True)
class Need:
    """What an operation asks for.

    Attributes
    ----------
    verb : Verb or None
    where : Where
    hides : bool
        Whether a refusal looks like an absence, because nothing tells what is there.
    reads_content : bool
        Whether the contents that it names must be readable too.
    """

    verb: Verb | None
    where: Where
    hides: bool = False
    reads_content: bool = False


_READS: Final = Need(Verb.READ, Where.THE_CONTENT, hides=True)
OPERATIONS: Final[Mapping[str, Need]] = {
    "upload": Need(Verb.WRITE, Where.THE_CONTENT),
    "download": _READS,
    "download_head": _READS,
    "metadata": _READS,
    "lineage": _READS,
    "find": _READS,  # rows that may not be seen are left out
    "delete": Need(Verb.CURATE, Where.THE_CONTENT, reads_content=True),
    "delete?force=true": Need(Verb.ADMIN, Where.THE_CONTENT, reads_content=True),
    "make_version": Need(Verb.CURATE, Where.DATASETS, reads_content=True),
    "versions": Need(Verb.READ, Where.DATASETS, hides=True),
    "metrics": Need(None, Where.NOWHERE),
    "live": Need(None, Where.OPEN),
    "ready": Need(None, Where.OPEN),
}
"""What each operation of the OpenAPI document asks for; a test holds the routes to it."""


def roles_of(words: Iterable[str], tiers: Iterable[Tier | str] = ()) -> Roles:
    """Return the roles that `words` give.

    Parameters
    ----------
    words : iterable of str
        ``"reader"``, or ``"curator:datasets"`` for one tier. Of several in one tier the one that
        may do most counts.
    tiers : iterable of Tier or str, optional
        Where words without a tier hold; everywhere without it.

    Raises
    ------
    InvalidInputError
        There is no such role or tier, or no word at all.
    """
    everywhere = tuple(map(Tier.parse, tiers)) or tuple(Tier)
    found: dict[Tier, Role] = {}
    for word in words:
        name, sign, tier = word.strip().partition(":")
        role = _role(name)
        for each in (Tier.parse(tier),) if sign else everywhere:
            found[each] = max(role, found.get(each, role), key=_ORDER.index)
    if not found:
        raise InvalidInputError(f"give a role: {', '.join(Role)}", kind="role")
    return MappingProxyType(found)


def rights_of(roles: Roles) -> Mapping[Tier, frozenset[Verb]]:
    """Return what somebody with `roles` may do; other tiers are closed."""
    return MappingProxyType({tier: VERBS[role] for tier, role in roles.items()})


def words_of(roles: Roles) -> str:
    """Return the words that give `roles`, such as ``reader curator:datasets``."""
    base = min(roles.values(), key=_ORDER.index) if len(roles) == len(Tier) else None
    special = [f"{roles[tier]}:{tier}" for tier in Tier if roles.get(tier, base) is not base]
    return " ".join([*([base.value] if base else []), *special])


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        raise InvalidInputError(
            f"no role is called {name!r}; the roles are {', '.join(Role)}", kind="role"
        ) from None
