"""API keys: ``astrid_<id>_<secret>``, of which the store has the SHA-256 only.

The secret is 256 random bits. A slow hash (a KDF) is for passwords, which people choose and others
can guess; nobody guesses 256 bits, so SHA-256 keeps them just as well, and costs a request nothing.
"""

import hmac
import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from astrid_sdk.api.access import Caller
from astrid_sdk.api.identity.roles import Role, Roles, rights_of
from astrid_sdk.canonical import canonical_json, sha256_hex
from astrid_sdk.config import Secret
from astrid_sdk.errors import CorruptionError, InvalidInputError
from astrid_sdk.formats import read_versioned
from astrid_sdk.tiers import Tier

_FORMAT = 1
_SECRET_BYTES = 32
_ID_BYTES = 6
_MOST_NAME_LETTERS = 80
_NOBODYS: Final = "0" * 64
_LIFETIME: Final = re.compile(r"(\d{1,5})([hdw])")
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What the store knows of a key, as of its last change.

    Attributes
    ----------
    key_id : str
        Names it; no secret.
    name : str
        Who or what it is for.
    roles : mapping of Tier to Role
    secret_hash : str
        SHA-256 of the whole key in hex; "" once it is revoked.
    created_at, changed_at : datetime
    expires_at : datetime or None
        None: it holds until it is revoked.
    lifetime : timedelta or None
        How long it holds after it was made, or rotated.
    """

    key_id: str
    name: str
    roles: Roles
    secret_hash: str = field(repr=False)
    created_at: datetime
    changed_at: datetime
    expires_at: datetime | None = None
    lifetime: timedelta | None = None

    @classmethod
    def new(
        cls, name: str, roles: Roles, lifetime: timedelta | None, now: datetime
    ) -> tuple[Self, Secret]:
        """Return a new key: what is kept of it, and the key itself.

        Raises
        ------
        InvalidInputError
            It cannot be so called.
        """
        key_id = secrets.token_hex(_ID_BYTES)
        key = cls(key_id, _checked_name(name), roles, "", now, now, lifetime=lifetime)
        return key.rotated(lifetime, now)

    def rotated(self, lifetime: timedelta | None, now: datetime) -> tuple[Self, Secret]:
        """Return it with another secret, and the key with that."""
        token = f"astrid_{self.key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        made = replace(
            self,
            secret_hash=sha256_hex(token.encode()),
            changed_at=now,
            lifetime=lifetime,
            expires_at=None if lifetime is None else now + lifetime,
        )
        return made, Secret(token)

    def revoked(self, now: datetime) -> Self:
        """Return it without any secret."""
        return replace(self, secret_hash="", changed_at=now)

    @property
    def is_revoked(self) -> bool:
        """Whether it was taken back."""
        return not self.secret_hash

    def state(self, now: datetime) -> str:
        """Return ``"valid"``, ``"expired"`` or ``"revoked"``."""
        if self.is_revoked:
            return "revoked"
        is_over = self.expires_at is not None and now >= self.expires_at
        return "expired" if is_over else "valid"

    def caller(self) -> Caller:
        """Return who asks with this key."""
        return Caller(f"{self.name} (key {self.key_id})", self.key_id, rights_of(self.roles))

    def to_bytes(self) -> bytes:
        """Return it as the store keeps it."""
        return canonical_json(
            {
                "format_version": _FORMAT,
                "key_id": self.key_id,
                "name": self.name,
                "roles": {tier.value: role.value for tier, role in self.roles.items()},
                "secret_hash": self.secret_hash,
                "created_at": self.created_at.isoformat(),
                "changed_at": self.changed_at.isoformat(),
                "expires_at": None if self.expires_at is None else self.expires_at.isoformat(),
                "lifetime_s": None if self.lifetime is None else self.lifetime.total_seconds(),
            }
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises
        ------
        InvalidInputError
            A later release wrote it.
        CorruptionError
            It is no such thing.
        """
        try:
            return cls._read(read_versioned(content, _FORMAT, "this API key"))
        except InvalidInputError:
            raise
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise CorruptionError("what the store has of an API key is damaged") from error

    @classmethod
    def _read(cls, told: dict[str, Any]) -> Self:
        lifetime_s = told["lifetime_s"]
        expires_at = told["expires_at"]
        return cls(
            key_id=str(told["key_id"]),
            name=str(told["name"]),
            roles={Tier.parse(tier): Role(role) for tier, role in told["roles"].items()},
            secret_hash=str(told["secret_hash"]),
            created_at=datetime.fromisoformat(told["created_at"]),
            changed_at=datetime.fromisoformat(told["changed_at"]),
            expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
            lifetime=None if lifetime_s is None else timedelta(seconds=lifetime_s),
        )


def id_in(token: Secret) -> str:
    """Return the id that a key names; "" where it is no key of ours."""
    kind, _, rest = token.reveal().partition("_")
    return rest.partition("_")[0] if kind == "astrid" else ""


def matches(token: Secret, key: ApiKey | None) -> bool:
    """Return whether `token` is `key`; as much is done where there is no such key."""
    kept = key.secret_hash if key is not None and key.secret_hash else _NOBODYS
    given = sha256_hex(token.reveal().encode("utf-8", "surrogatepass"))
    return hmac.compare_digest(given, kept)


def lifetime_of(text: str) -> timedelta:
    """Return how long ``12h``, ``90d`` or ``4w`` is.

    Raises
    ------
    InvalidInputError
        It is none of these, or no time at all.
    """
    found = _LIFETIME.fullmatch(text.strip())
    if found is None or not int(found[1]):
        raise InvalidInputError(
            f"{text!r} is no time that a key can hold; give one such as 12h, 90d or 4w",
            kind="expires",
        )
    return int(found[1]) * _UNITS[found[2]]


def now_utc() -> datetime:
    """Return the time, to the second: keys need no more."""
    return datetime.now(UTC).replace(microsecond=0)


def _checked_name(name: str) -> str:
    stripped = name.strip()
    if not stripped or len(stripped) > _MOST_NAME_LETTERS or not stripped.isprintable():
        raise InvalidInputError(
            f"a key is called by 1 to {_MOST_NAME_LETTERS} printable letters, such as the name of "
            "the program that it is for",
            kind="key_name",
        )
    return stripped
