"""Who asks, and what they may do.

`Caller` is what the routes know of who asks; an `Authenticator` makes one of what a request
brings. `LocalUser` is the one for a service without keys: everybody on this machine may do
everything, and nobody else may do anything.
"""

import enum
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Protocol

from typing_extensions import override

from astrid_sdk.config import Secret
from astrid_sdk.errors import AccessDeniedError, NotFoundError
from astrid_sdk.tiers import Tier


class Verb(enum.StrEnum):
    """What is done in a tier."""

    READ = "read"
    WRITE = "write"
    CURATE = "curate"
    ADMIN = "admin"


UNAUTHENTICATED: Final = "unauthenticated"
FORBIDDEN: Final = "forbidden"
NOT_LOCAL: Final = "not_local"
_MOST_ADDRESS_LETTERS: Final = 64
_ALL_VERBS: Final = frozenset(Verb)


def everything() -> Mapping[Tier, frozenset[Verb]]:
    """Return the rights to do all in all tiers."""
    return MappingProxyType(dict.fromkeys(Tier, _ALL_VERBS))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes
    ----------
    name : str
        For logs and the audit.
    key_id : str
        Names the credential, and never tells it; limits count by it.
    rights : mapping of Tier to frozenset of Verb
        What may be done; tiers that are not among them are closed.
    """

    name: str
    key_id: str
    rights: Mapping[Tier, frozenset[Verb]] = field(repr=False)

    def allows(self, tier: Tier | str, verb: Verb) -> bool:
        """Return whether this caller may do that."""
        return verb in self.rights.get(Tier.parse(tier), ())

    def tiers(self, verb: Verb) -> frozenset[Tier]:
        """Return the tiers in which this caller may do that."""
        return frozenset(tier for tier in Tier if self.allows(tier, verb))

    def require(self, tier: Tier | str, verb: Verb) -> None:
        """Refuse what this caller may not do.

        Raises
        ------
        NotFoundError
            To read: what may not be seen looks like what is not there.
        AccessDeniedError
            Anything else (``kind="forbidden"``).
        """
        if not self.allows(tier, verb):
            raise unseen() if verb is Verb.READ else _forbidden(verb, Tier.parse(tier).value)

    def require_somewhere(self, verb: Verb) -> None:
        """Refuse a caller who may do that in no tier at all, before anything is read of a body.

        Raises
        ------
        AccessDeniedError
            ``kind="forbidden"``.
        """
        if not self.tiers(verb):
            raise _forbidden(verb, "any tier")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request brings to say who asks.

    Attributes
    ----------
    token : Secret or None
        Of ``Authorization: Bearer``, or ``X-API-Key``.
    address : str
        Where the request comes from; "" where that is not known.
    is_forwarded : bool
        Whether a proxy says that it hands the request on.
    """

    token: Secret | None
    address: str
    is_forwarded: bool

    @property
    def is_local(self) -> bool:
        """Whether the request was made on this machine, as far as anybody can tell."""
        return not self.is_forwarded and _is_loopback(self.address)


class Authenticator(Protocol):
    """Says who asks. `recall` is called for every request, `authenticate` where it does not know.

    `needs_credentials` False: everybody on this machine is let in, and the service guards itself
    against web pages that use a browser on this machine.
    """

    @property
    def needs_credentials(self) -> bool:
        """Whether a request must bring something."""

    def recall(self, credentials: Credentials) -> Caller | None:
        """Return who asks where that is known without waiting for anything, else None."""

    def authenticate(self, credentials: Credentials) -> Caller:
        """Return who asks; may ask the store or an issuer, so it is called in a thread.

        Raises
        ------
        AccessDeniedError
            ``kind="unauthenticated"``: nothing was brought, or nothing that counts. What was
            wrong with it is never said.
        StorageUnavailableError
            It cannot be found out now.
        """


class LocalUser(Authenticator):
    """Lets everybody on this machine do everything: for a service without keys."""

    def __init__(self) -> None:
        self._caller = Caller("local user", "local", everything())

    @property
    @override
    def needs_credentials(self) -> bool:
        return False

    @override
    def recall(self, credentials: Credentials) -> Caller | None:
        return self._caller if credentials.is_local else None

    @override
    def authenticate(self, credentials: Credentials) -> Caller:
        raise AccessDeniedError(
            "without API keys this service answers its own machine only: create a key with "
            "astrid keys create, or ask from the machine it runs on",
            kind=NOT_LOCAL,
        )


def unseen() -> NotFoundError:
    """Return the error for what is not there, or may not be seen: nobody can tell which."""
    return NotFoundError("nothing that you may read has that name: check it, or ask for the right")


def is_loopback_host(host: str) -> bool:
    """Return whether a server that listens on `host` can be reached from this machine only."""
    return host == "localhost" or _is_loopback(host)


def _forbidden(verb: Verb, where: str) -> AccessDeniedError:
    return AccessDeniedError(
        f"your credentials do not allow to {verb} in {where}: ask for the right", kind=FORBIDDEN
    )


@lru_cache
def _is_loopback(address: str) -> bool:
    if len(address) > _MOST_ADDRESS_LETTERS:
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)
