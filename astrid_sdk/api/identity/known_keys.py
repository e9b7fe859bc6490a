"""The keys as they were some seconds ago.

What a change of keys may be behind: `FRESH_S`, and while the store does not answer `GRACE_S`. A
key that is not known, or does not match, is looked for again after `MISS_FRESH_S`.
"""

import math
import time
from collections.abc import Callable, Mapping
from typing import Final

from astrid_sdk.api.identity.key_store import KeyStore
from astrid_sdk.api.identity.keys import ApiKey
from astrid_sdk.api.identity.remembered import Remembered

FRESH_S: Final = 5.0
MISS_FRESH_S: Final = 1.0
GRACE_S: Final = 60.0

Keys = Mapping[str, ApiKey | None]


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
        self._asked = Remembered(store.known, _grace_s, clock)

    @property
    def are_known(self) -> bool:
        """Whether the store was ever asked."""
        return self._asked.last is not None

    @property
    def is_empty(self) -> bool:
        """Whether no key was ever made; revoked ones are never removed."""
        return self.are_known and not self._asked.last

    def recent(self, within_s: float) -> Keys | None:
        """Return the keys as of at most `within_s` seconds ago, None where that is not known."""
        return self._asked.recent(within_s)

    def look(self, within_s: float) -> Keys:
        """Return the keys as of at most `within_s` seconds ago; while the store is away, `GRACE_S`.

        Raises
        ------
        StorageUnavailableError
            The store is away, and for too long.
        """
        return self._asked.look(within_s)


def _grace_s(keys: Keys) -> float:
    """Return how long `keys` hold on; no keys keep nobody out, so they hold as long as it takes."""
    return GRACE_S if keys else math.inf
