"""Every error the SDK raises, grouped by what the caller does next.

::

    AstridError
    ├── InvalidInputError (ValueError)          mend the input
    ├── NotFoundError (KeyError)                look elsewhere: it is surely not there
    ├── ConflictError                           somebody else was first: read again, decide
    │   └── NeededError                         others need it: leave it out there first
    ├── CorruptionError                         not the bytes that were asked for: do not use them
    ├── AccessDeniedError (PermissionError)     mend the credentials or the rights
    ├── QuotaExceededError                      make room, or have the quota raised
    └── StorageUnavailableError (ConnectionError)   try again later: nothing is known
        └── RateLimitedError                    try again more slowly

`AstridError.kind` is a stable word for programs; the message is a sentence for people: what
happened, to what, and what to do. Errors of other libraries are translated at one border
(`astrid_sdk.storage.responses`) and chained with ``from``.
"""

from collections.abc import Sequence
from typing import Any, Self

from typing_extensions import override


class AstridError(Exception):
    """What every error of this SDK is.

    Parameters
    ----------
    message : str
        One sentence: what happened, to what, what to do.
    kind : str, optional
        A stable word that programs can compare, such as ``"truncated"``.
    wrote : bool or None, optional
        Of an operation that changes the store: False when it surely changed nothing, None when
        that is not known.
    transient : bool, optional
        The same call may succeed in a moment.
    retry_after_s : float, optional
        How long the store asked to wait before that, in seconds.
    """

    kind: str = "error"

    def __init__(
        self,
        message: str,
        *,
        kind: str | None = None,
        wrote: bool | None = False,
        transient: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        if kind is not None:
            self.kind = kind
        self.wrote = wrote
        self.transient = transient
        self.retry_after_s = retry_after_s

    @property
    def message(self) -> str:
        """The sentence the error was raised with."""
        return str(self.args[0])

    def saying(self, message: str, *, wrote: bool | None = False) -> Self:
        """Return the same error with another sentence: more is known now of what it means.

        Parameters
        ----------
        message : str
        wrote : bool or None, optional
            As in the constructor, of what the new sentence is about.
        """
        return type(self)(
            message,
            kind=self.kind,
            wrote=wrote,
            transient=self.transient,
            retry_after_s=self.retry_after_s,
        )

    @override
    def __str__(self) -> str:  # KeyError would show the sentence in quotes
        return self.message


class InvalidInputError(AstridError, ValueError):
    """What was given cannot be used: mend it and call again."""

    kind = "invalid_input"


class NotFoundError(AstridError, KeyError):
    """What was asked for is surely not there. An outage is never this error."""

    kind = "not_found"


class ConflictError(AstridError):
    """Somebody else was first: read what stands there, then decide."""

    kind = "conflict"


class NeededError(ConflictError):
    """Dataset versions or models need what should be deleted.

    Parameters
    ----------
    message : str
    needed_by : sequence of str, optional
        Their names.
    **told
        As of `AstridError`.
    """

    kind = "needed"

    def __init__(self, message: str, *, needed_by: Sequence[str] = (), **told: Any) -> None:
        super().__init__(message, **told)
        self.needed_by = tuple(needed_by)


class CorruptionError(AstridError):
    """The stored bytes are not the ones their hash names. They were not handed out."""

    kind = "corruption"


class AccessDeniedError(AstridError, PermissionError):
    """The store refused these credentials, or the folder these rights."""

    kind = "access_denied"


class StorageUnavailableError(AstridError, ConnectionError):
    """The store gave no usable answer: whether the thing exists is not known."""

    kind = "storage_unavailable"


class RateLimitedError(StorageUnavailableError):
    """The store asked to slow down, and still did when patience ended."""

    kind = "rate_limited"


class QuotaExceededError(AstridError):
    """The tier would hold more than it may. Nothing was sent."""

    kind = "quota"
