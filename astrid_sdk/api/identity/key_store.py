"""API keys in the store: ``_access/keys/<id>/<n>.json``, of which the last counts.

Each change is an object of its own, made only where none is: a key that was revoked cannot come
back by a write that was late, and what was before can be read.
"""

import logging
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Final, Self

from astrid_sdk.api.identity.keys import ApiKey, now_utc
from astrid_sdk.api.identity.roles import Roles, words_of
from astrid_sdk.config import Secret
from astrid_sdk.errors import (
    ConflictError,
    CorruptionError,
    InvalidInputError,
    NotFoundError,
)
from astrid_sdk.session import AstridSession
from astrid_sdk.storage.audit.audit import Audit
from astrid_sdk.storage.base import ObjectStorage

PREFIX: Final = "_access/keys/"
_KEY: Final = re.compile(r"_access/keys/(?P<id>[0-9a-f]{12})/(?P<number>\d{6})\.json")
_TRIES = 5
_LOGGER = logging.getLogger("astrid_sdk.api")


class KeyStore:
    """The API keys of one bucket.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    audit : Audit
        Where each change is written down before and after.
    now : callable, optional
        The time in UTC, for tests that do not wait.
    """

    def __init__(
        self,
        storage: ObjectStorage,
        bucket: str,
        audit: Audit,
        now: Callable[[], datetime] = now_utc,
    ) -> None:
        self._storage = storage
        self._bucket = bucket
        self._audit = audit
        self._read: dict[str, ApiKey] = {}
        self.now = now

    @classmethod
    def of(cls, session: AstridSession) -> Self:
        """Return the API keys of a session's store."""
        return cls(session.r2, session.bucket, session.audit)

    def create(
        self, name: str, roles: Roles, lifetime: timedelta | None = None
    ) -> tuple[ApiKey, Secret]:
        """Make a key; it is never told again.

        Parameters
        ----------
        name : str
            Who or what it is for.
        roles : mapping of Tier to Role
        lifetime : timedelta, optional
            How long it holds; without it until it is revoked.

        Raises
        ------
        InvalidInputError
            It cannot be so called.
        """
        key, token = ApiKey.new(name, roles, lifetime, self.now())
        with self._told("create-key", key):
            self._write(key, 1)
        return key, token

    def rotate(self, key_id: str, lifetime: timedelta | None = None) -> tuple[ApiKey, Secret]:
        """Give a key another secret; the one before does not count any more.

        Parameters
        ----------
        key_id : str
        lifetime : timedelta, optional
            How long it holds from now on; as long as before without it.

        Raises
        ------
        NotFoundError
            There is no such key.
        ConflictError
            It was revoked, or others change it all the time.
        """
        tokens: list[Secret] = []

        def rotated(key: ApiKey) -> ApiKey:
            if key.is_revoked:
                raise ConflictError(
                    f"the key {key_id} is revoked: create another one", kind="revoked"
                )
            made, token = key.rotated(lifetime or key.lifetime, self.now())
            tokens.append(token)
            return made

        key = self._change("rotate-key", key_id, rotated)
        return key, tokens[-1]

    def revoke(self, key_id: str) -> ApiKey:
        """Take a key back, for good.

        Raises
        ------
        NotFoundError
            There is no such key.
        ConflictError
            Others change it all the time.
        """
        return self._change("revoke-key", key_id, lambda key: key.revoked(self.now()))

    def list(self) -> list[ApiKey]:
        """Return all keys, those that are expired or revoked among them, the oldest first."""
        known = (key for key in self.known().values() if key is not None)
        return sorted(known, key=lambda key: (key.created_at, key.key_id))

    def known(self) -> Mapping[str, ApiKey | None]:
        """Return by id what is known of each key; None where it cannot be read."""
        return {key_id: self._readable(path) for key_id, path in self._newest(PREFIX).items()}

    def _newest(self, prefix: str) -> dict[str, str]:
        try:
            listed = self._storage.list_files(self._bucket, prefix)
        except NotFoundError:  # there is no bucket yet
            return {}
        return {found["id"]: found[0] for found in filter(None, map(_KEY.fullmatch, listed))}

    def _readable(self, path: str) -> ApiKey | None:
        try:
            return self._at(path)
        except (CorruptionError, InvalidInputError, NotFoundError) as error:
            _LOGGER.warning("the API key at %s does not count: %s", path, error.kind)
            return None

    def _at(self, path: str) -> ApiKey:
        if path not in self._read:  # it never changes
            key = ApiKey.from_bytes(self._storage.download_file(self._bucket, path))
            if key.key_id != path.split("/")[-2]:
                raise CorruptionError("an API key stands in the place of another one")
            self._read[path] = key
        return self._read[path]

    def _change(self, verb: str, key_id: str, change: Callable[[ApiKey], ApiKey]) -> ApiKey:
        for _ in range(_TRIES):
            path = self._newest(f"{PREFIX}{key_id}/").get(key_id) if _is_id(key_id) else None
            if path is None:
                raise NotFoundError(
                    f"no key has the id {key_id!r}: astrid keys list shows them", kind="no_key"
                )
            changed = change(self._at(path))
            number = int(path[-len("000001.json") : -len(".json")])
            try:
                with self._told(verb, changed):
                    self._write(changed, number + 1)
            except ConflictError:
                continue
            return changed
        raise ConflictError(f"others change the key {key_id} at the same time: try again")

    def _write(self, key: ApiKey, number: int) -> None:
        self._storage.upload_file(
            self._bucket,
            f"{PREFIX}{key.key_id}/{number:06d}.json",
            key.to_bytes(),
            "application/json",
            create_only=True,
        )

    def _told(self, verb: str, key: ApiKey) -> AbstractContextManager[None]:
        return self._audit.intending(verb, detail=f"{key.key_id} {key.name}: {words_of(key.roles)}")


def _is_id(key_id: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{12}", key_id) is not None
