"""Who a request comes from, by the keys in the store and by an issuer's tokens.

Without any of these the users of this machine are let in.
"""

import ipaddress
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from typing_extensions import override

from astrid_sdk.api.access import UNAUTHENTICATED, Authenticator, Caller, Credentials, LocalUser
from astrid_sdk.api.identity.key_store import KeyStore
from astrid_sdk.api.identity.keys import id_in, matches
from astrid_sdk.api.identity.known_keys import FRESH_S, MISS_FRESH_S, Keys, KnownKeys
from astrid_sdk.api.identity.oidc import Issuer, Trust
from astrid_sdk.api.limits import RateLimiter
from astrid_sdk.api.settings import ApiSettings
from astrid_sdk.config import Secret
from astrid_sdk.errors import AccessDeniedError, StorageUnavailableError
from astrid_sdk.session import AstridSession

FAILURES_PER_S: Final = 0.5
FAILURES_AT_ONCE: Final = 20
_IPV6_PREFIX = 64


class StoreAccess(Authenticator):
    """Lets in who has a key; where no key was ever made, the users of this machine.

    The first key closes the door for all others, within seconds and also in services that run;
    revoking the last one does not open it again.

    Parameters
    ----------
    keys : KnownKeys
    issuer : Issuer, optional
        Whose bearer tokens are taken too.
    clock : callable, optional
        Seconds, for tests that do not wait.
    """

    def __init__(
        self,
        keys: KnownKeys,
        issuer: Issuer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._local = LocalUser()
        self._failures = RateLimiter(FAILURES_PER_S, FAILURES_AT_ONCE, clock)
        self._counting = threading.Lock()

    @property
    @override
    def needs_credentials(self) -> bool:
        return self._issuer is not None or not self._keys.is_empty

    @override
    def recall(self, credentials: Credentials) -> Caller | None:
        if self._issuer is not None and self._issuer.is_token(credentials.token):
            return self._issuer.recall(credentials.token)
        keys = self._keys.recent(FRESH_S)
        if keys is None:
            return None
        return self._caller(keys, credentials)

    @override
    def authenticate(self, credentials: Credentials) -> Caller:
        found = self._found(credentials)
        if found is not None:
            return found
        if not self.needs_credentials:
            return self._local.authenticate(credentials)
        if credentials.token is not None:
            self._count_failure(credentials.address)
        raise AccessDeniedError("credentials are missing, or do not count", kind=UNAUTHENTICATED)

    def _found(self, credentials: Credentials) -> Caller | None:
        if self._issuer is not None and self._issuer.is_token(credentials.token):
            return self._issuer.authenticate(credentials.token)
        could_tell = self._issuer is not None or self._keys.are_known
        keys = self._keys.look(MISS_FRESH_S)
        if not (keys or could_tell):
            raise _just_found_out()
        return self._caller(keys, credentials)

    def _caller(self, keys: Keys, credentials: Credentials) -> Caller | None:
        if not self.needs_credentials:
            return self._local.recall(credentials)
        return None if credentials.token is None else self._holder(keys, credentials.token)

    def _holder(self, keys: Keys, token: Secret) -> Caller | None:
        """Return whose key it is. A key that nobody has is compared like any other."""
        key = keys.get(id_in(token))
        is_it = matches(token, key)
        if key is None or not is_it or key.state(self._keys.store.now()) != "valid":
            return None
        return key.caller()

    def _count_failure(self, address: str) -> None:
        """Refuse with another answer whoever fails again and again; who has a key is let in."""
        with self._counting:
            self._failures.take(_neighbourhood(address))


def authenticator_of(session: AstridSession, settings: ApiSettings) -> Authenticator:
    """Return who is let in to a store: who has one of its API keys or a token, or who is here.

    Raises
    ------
    InvalidInputError
        What the settings say of an issuer cannot be used.
    """
    trust = Trust.of(settings)
    keys = KnownKeys(KeyStore.of(session))
    with suppress(StorageUnavailableError):  # the first request asks again
        keys.look(FRESH_S)
    return StoreAccess(keys, None if trust is None else Issuer(trust))


def _just_found_out() -> StorageUnavailableError:
    """Return the refusal of the request that first finds no key: it was not guarded as such."""
    return StorageUnavailableError(
        "the store answers again just now: ask once more", transient=True, retry_after_s=1
    )


def _neighbourhood(address: str) -> str:
    """Return what one client has: an IPv4 address, or an IPv6 network."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))
