"""Bearer tokens of an OpenID Connect issuer: signed JWTs, whose claims give roles.

What a token says counts only where it is signed by a key that the issuer publishes (JWKS), was
made by this issuer for this service (``iss``, ``aud``), and holds now (``exp``, ``nbf``). Keys are
fetched when they are first needed, and again when they are `FRESH_S` old or a token names one that
is not known (at most once in `MISS_FRESH_S`); while the issuer is away they hold on for `GRACE_S`.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final, Self, TypeGuard
from urllib.request import HTTPRedirectHandler, build_opener

import jwt
from typing_extensions import override

from astrid_sdk.api.access import Caller
from astrid_sdk.api.identity.remembered import Remembered
from astrid_sdk.api.identity.roles import rights_of, roles_of
from astrid_sdk.api.settings import ApiSettings
from astrid_sdk.config import Secret, is_loopback
from astrid_sdk.errors import InvalidInputError, StorageUnavailableError

FRESH_S: Final = 300.0
MISS_FRESH_S: Final = 10.0
GRACE_S: Final = 3600.0
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
"""Signatures by a private key; a shared secret (HS256) could be the public key itself."""

_DISCOVERY: Final = "/.well-known/openid-configuration"
_DOTS = 2  # header.claims.signature
_LEEWAY_S = 30
_FETCH_S = 5.0
_MOST_BYTES = 1 << 20
_MOST_NAME_LETTERS = 80
_OPTIONS: Final[Any] = {
    "require": ["exp", "iss", "aud", "sub"],
    "enforce_minimum_key_length": True,
}
_DOES_NOT_COUNT: Final = (jwt.PyJWTError, InvalidInputError)
_LOGGER = logging.getLogger("astrid_sdk.api")

Jwks = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Trust:
    """Which tokens count, and what they give.

    Attributes
    ----------
    issuer : str
        The ``iss`` of tokens; its discovery document says where the keys are.
    audience : str
        The ``aud`` of tokens that are meant for this service.
    roles : mapping of str to tuple of str
        By value of the claim, the roles that it gives, in the words of `roles_of`.
    claim : str
        Where the values are in a token; dots lead into nested ones.
    jwks_url : str
        Where the keys are; "" asks the discovery document.
    """

    issuer: str
    audience: str
    roles: Mapping[str, tuple[str, ...]]
    claim: str = "roles"
    jwks_url: str = ""

    @classmethod
    def of(cls, settings: ApiSettings) -> Self | None:
        """Return what the settings say, None where they name no issuer.

        Raises
        ------
        InvalidInputError
            Something is missing, or cannot be used.
        """
        if not settings.oidc_issuer:
            return None
        if not settings.oidc_audience or not settings.oidc_roles:
            raise _unusable(
                "ASTRID_API_OIDC_ISSUER needs ASTRID_API_OIDC_AUDIENCE (the `aud` of tokens that "
                "are meant for this service) and ASTRID_API_OIDC_ROLES (as in "
                "'observers=reader curator:datasets,staff=admin')"
            )
        for url in filter(None, (settings.oidc_issuer, settings.oidc_jwks_url)):
            _require_private(url)
        return cls(
            settings.oidc_issuer,
            settings.oidc_audience,
            dict(map(_granted, settings.oidc_roles)),
            settings.oidc_roles_claim,
            settings.oidc_jwks_url,
        )


class Issuer:
    """Says whose token it is.

    Parameters
    ----------
    trust : Trust
    clock : callable, optional
        Seconds, for tests that do not wait.
    """

    def __init__(self, trust: Trust, clock: Callable[[], float] = time.monotonic) -> None:
        self._trust = trust
        self._keys: Remembered[Jwks] = Remembered(self._published, lambda _: GRACE_S, clock)

    @staticmethod
    def is_token(token: Secret | None) -> TypeGuard[Secret]:
        """Return whether `token` is of the kind that issuers make; API keys are not."""
        return token is not None and token.reveal().count(".") == _DOTS

    def recall(self, token: Secret) -> Caller | None:
        """Return who has `token` where that is known without asking the issuer, else None."""
        keys = self._keys.recent(FRESH_S)
        if keys is None:
            return None
        try:
            return self._holder(self._claims(keys, token))
        except _DOES_NOT_COUNT:
            return None

    def authenticate(self, token: Secret) -> Caller | None:
        """Return who has `token`, None where it does not count.

        Raises
        ------
        StorageUnavailableError
            The issuer's keys cannot be had.
        """
        keys = self._keys.look(FRESH_S)
        if _key_of(keys, token) is None:  # keys change
            keys = self._keys.look(MISS_FRESH_S)
        try:
            return self._holder(self._claims(keys, token))
        except _DOES_NOT_COUNT as error:  # in a word: nothing of the token is in it
            _LOGGER.info("a bearer token does not count: %s", type(error).__name__)
            return None

    def _claims(self, keys: Jwks, token: Secret) -> Mapping[str, Any]:
        key = _key_of(keys, token)
        if key is None:
            raise jwt.InvalidKeyError
        claims: Mapping[str, Any] = jwt.decode(
            token.reveal(),
            key,
            algorithms=ALGORITHMS,
            audience=self._trust.audience,
            issuer=self._trust.issuer,
            leeway=_LEEWAY_S,
            options=_OPTIONS,
        )
        return claims

    def _holder(self, claims: Mapping[str, Any]) -> Caller:
        values = _values(claims, self._trust.claim)
        words = [word for value in values for word in self._trust.roles.get(value, ())]
        subject = str(claims["sub"])
        key_id = hashlib.sha256(f"{claims['iss']}\n{subject}".encode()).hexdigest()[:12]
        rights = rights_of(roles_of(words))  # none at all is refused
        return Caller(f"{_shown(claims, subject)} (token {key_id})", f"oidc-{key_id}", rights)

    def _published(self) -> Jwks:
        url = self._trust.jwks_url or self._discovered()
        try:
            keys = [key for key in _fetched(url)["keys"] if _signs(key)]
        except (KeyError, TypeError, AttributeError):
            raise _away("what the issuer has as its keys is none") from None
        if not keys:
            raise _away("the issuer has no key that signs")
        return keys

    def _discovered(self) -> str:
        told = _fetched(self._trust.issuer.rstrip("/") + _DISCOVERY)
        try:
            issuer, url = told["issuer"], told["jwks_uri"]
            _require_private(url)
        except (KeyError, TypeError, AttributeError, InvalidInputError):
            raise _away("the issuer does not tell where its keys are") from None
        if issuer != self._trust.issuer:
            raise _away("another issuer answers by the configured one's address")
        return str(url)


class _Straight(HTTPRedirectHandler):
    """Follows nobody elsewhere: only the address that was checked counts."""

    @override
    def redirect_request(self, *_: Any) -> None:
        return None


def _fetched(url: str) -> Any:
    try:
        with build_opener(_Straight).open(url, timeout=_FETCH_S) as answer:
            content = answer.read(_MOST_BYTES + 1)
    except (OSError, HTTPException):
        raise _away("the issuer does not answer") from None
    try:
        return json.loads(content[:_MOST_BYTES])
    except ValueError:
        raise _away("what the issuer answers cannot be read") from None


def _key_of(keys: Jwks, token: Secret) -> jwt.PyJWK | None:
    """Return the key that `token` says it is signed with."""
    try:
        header = jwt.get_unverified_header(token.reveal())
        named = [key for key in keys if "kid" not in header or key.get("kid") == header["kid"]]
        if len(named) != 1 or header["alg"] not in ALGORITHMS:
            return None
        return jwt.PyJWK(dict(named[0]), named[0].get("alg") or header["alg"])
    except (jwt.PyJWTError, KeyError, TypeError):
        return None


def _signs(key: Mapping[str, Any]) -> bool:
    return key.get("kty") != "oct" and key.get("use", "sig") == "sig"


def _values(claims: Mapping[str, Any], claim: str) -> Iterable[str]:
    """Return what stands in a claim: a list, or words with spaces between them."""
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for name in claim.split("."):
            found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, str):
        return {found, *found.split()}
    return {value for value in found or () if isinstance(value, str)}


def _shown(claims: Mapping[str, Any], subject: str) -> str:
    """Return what people call the holder, as a log can show it."""
    name = claims.get("preferred_username") or claims.get("email") or subject
    told = "".join(letter for letter in str(name) if letter.isprintable())
    return told[:_MOST_NAME_LETTERS] or "somebody"


def _granted(entry: str) -> tuple[str, tuple[str, ...]]:
    """Return what ``observers=reader curator:datasets`` gives to whom."""
    value, _, words = entry.rpartition("=")
    if not value.strip():
        raise _unusable(
            f"ASTRID_API_OIDC_ROLES has {entry!r}; set it to what stands in tokens and the roles "
            "that it gives, as in 'observers=reader curator:datasets,staff=admin'"
        )
    roles_of(words.split())
    return value.strip(), tuple(words.split())


def _require_private(url: str) -> None:
    if not (url.startswith("https://") or (url.startswith("http://") and is_loopback(url))):
        raise _unusable(
            "an OIDC issuer and its keys must have https:// addresses: who can change them on the "
            "way could sign tokens"
        )


def _unusable(message: str) -> InvalidInputError:
    return InvalidInputError(message, kind="config")


def _away(message: str) -> StorageUnavailableError:
    return StorageUnavailableError(f"{message}: API keys are still taken", kind="issuer_away")
