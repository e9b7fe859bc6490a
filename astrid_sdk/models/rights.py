"""Who may do what with registered models."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from typing_extensions import override

from astrid_sdk.errors import AccessDeniedError, InvalidInputError
from astrid_sdk.storage.records import current_author

EVERYBODY = frozenset({"*"})
ACTIONS = ("register", "promote", "delete")


@dataclass(frozen=True, slots=True)
class ModelRights:
    """The author names that may register, promote and delete models; ``"*"`` is everybody.

    Our methods hold to it. Whoever has the keys to the tracking server and the bucket can go
    around them: rights among colleagues, not a wall against strangers.

    Attributes
    ----------
    register, promote, delete : frozenset of str
        Login names, as records name their authors.
    """

    register: frozenset[str] = EVERYBODY
    promote: frozenset[str] = EVERYBODY
    delete: frozenset[str] = EVERYBODY

    def __post_init__(self) -> None:
        for action in ACTIONS:
            names: Collection[str] = getattr(self, action)
            if isinstance(names, str):
                raise InvalidInputError(
                    f"who may {action} is a set of names, such as {{{names!r}}}", kind="rights"
                )
            object.__setattr__(self, action, frozenset(names))

    @classmethod
    def only(cls, *authors: str) -> Self:
        """Return rights that `authors` have and nobody else."""
        return cls(*(frozenset(authors) for _ in ACTIONS))

    def require(self, action: str, what: str) -> None:
        """Refuse `action` on `what` to whoever may not.

        Raises
        ------
        AccessDeniedError
            ``kind="rights"``: this process's author is not among the names.
        """
        allowed: frozenset[str] = getattr(self, action)
        author = current_author()
        if not allowed & {author, "*"}:
            names = ", ".join(sorted(allowed)) or "nobody"
            raise AccessDeniedError(
                f"{author} may not {action} {what}: {names} may; ask one of them, or have "
                f"ASTRID_MLFLOW_MAY_{action.upper()} changed",
                kind="rights",
            )

    @override
    def __str__(self) -> str:
        told = (f"{action}: {', '.join(sorted(getattr(self, action)))}" for action in ACTIONS)
        return "; ".join(told)
