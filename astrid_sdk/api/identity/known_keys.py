"""The keys as they were some seconds ago: a request must not wait for the store.

What a change of keys may be behind: `FRESH_S`, and while the store does not answer `GRACE_S`. A
key that is not known, or does not match, is looked for again after `MISS_FRESH_S`.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from astrid_sdk.api.identity.key_store import KeyStore
from astrid_sdk.api.identity.keys import ApiKey
from astrid_sdk.errors import StorageUnavailableError

FRESH_S: Final = 5.0
MISS_FRESH_S: Final = 1.0
GRACE_S: Final = 60.0
_AGAIN_S: Final = 5.0

Keys = Mapping[str, ApiKey | None]


@dataclass(frozen=True, slots=True)
class _Looked:
    keys: Keys
    at: float


class KnownKeys:
    """What a service knows of the keys in its store.

    Parameters
    ----------
    store : KeyStore
    clock : callable, optional
        Seconds, for tests that do not wait.
    """

    def __init__(self, store: KeyStore, clock: Callable[[], float] = time.monotonic) -> None:
        self.store = store
        self._clock = clock
        self._looked: _Looked | None = None
        self._turn = threading.Lock()
        self._not_before = -math.inf

    @property
    def are_known(self) -> bool:
        """Whether the store was ever asked."""
        return self._looked is not None

    @property
    def is_empty(self) -> bool:
        """Whether no key was ever made; revoked ones are never removed."""
        return self._looked is not None and not self._looked.keys

    def recent(self, within_s: float) -> Keys | None:
        """Return the keys as of at most `within_s` seconds ago, None where that is not known."""
        looked = self._looked
        if looked is None or self._clock() - looked.at > within_s:
            return None
        return looked.keys

    def look(self, within_s: float) -> Keys:
        """Return the keys as of at most `within_s` seconds ago; while the store is away, `GRACE_S`.

        Where no key was ever made nobody is kept out by that: then it holds as long as it takes.

        Raises
        ------
        StorageUnavailableError
            The store is away, and for too long.
        """
        found, spare = self.recent(within_s), self._spare()
        if found is not None:
            return found
        if spare is not None and self._clock() < self._not_before:
            return spare
        if not self._turn.acquire(blocking=spare is None) and spare is not None:
            return spare  # another thread asks the store just now
        try:
            found = self.recent(within_s)  # another thread may have been first
            return self._asked() if found is None else found
        except StorageUnavailableError:
            self._not_before = self._clock() + _AGAIN_S
            if (spare := self._spare()) is None:
                raise
            return spare
        finally:
            self._turn.release()

    def _spare(self) -> Keys | None:
        return self.recent(math.inf if self.is_empty else GRACE_S)

    def _asked(self) -> Keys:
        at = self._clock()
        looked = _Looked(self.store.known(), at)
        self._looked = looked
        return looked.keys
