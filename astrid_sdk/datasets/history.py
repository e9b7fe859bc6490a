"""Numbered objects that are created once: a history without gaps that nobody can rewrite.

``<prefix><name>/<n>.json`` is created only where nothing stands, by whoever comes first; the next
writer takes the next number. No object is written twice, so that no key is ever hot.
"""

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from astrid_sdk.canonical import JsonValue, canonical_json
from astrid_sdk.errors import ConflictError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.operations import Get

Place: TypeAlias = tuple[str, int]
"""A history's name, and a number in it."""

_ENTRY = re.compile(r"(?P<name>.+)/(?P<number>[1-9][0-9]*)\.json")


class Histories:
    """The histories below one prefix of a bucket.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    prefix : str
        Ends with a slash.
    """

    def __init__(self, storage: ObjectStorage, bucket: str, prefix: str) -> None:
        self._storage = storage
        self._bucket = bucket
        self._prefix = prefix
        self._known: dict[Place, bytes] = {}  # they never change

    def numbers(self, below: str = "") -> dict[str, list[int]]:
        """Return the numbers that each history has, ascending, with one listing.

        Parameters
        ----------
        below : str
            Only histories whose name starts so.
        """
        found: dict[str, list[int]] = {}
        for key in self._storage.list_files(self._bucket, f"{self._prefix}{below}"):
            if entry := _ENTRY.fullmatch(key.removeprefix(self._prefix)):
                found.setdefault(entry["name"], []).append(int(entry["number"]))
        return {name: sorted(numbers) for name, numbers in found.items()}

    def numbers_of(self, name: str) -> list[int]:
        """Return the numbers that the history `name` has, ascending."""
        return self.numbers(f"{name}/").get(name, [])

    def key(self, place: Place) -> str:
        """Return where an entry stands."""
        name, number = place
        return f"{self._prefix}{name}/{number}.json"

    def read(self, places: Iterable[Place]) -> list[bytes]:
        """Return entries as they were written, read side by side, in the order of `places`.

        Raises
        ------
        NotFoundError
            One is not there.
        """
        wanted: Sequence[Place] = list(places)
        missing = {self.key(place): place for place in wanted if place not in self._known}
        gets = [Get(bucket=self._bucket, key=key) for key in missing]
        for outcome in self._storage.perform_many(gets) if gets else ():
            self._known[missing[outcome.operation.where]] = outcome.value().data
        return [self._known[place] for place in wanted]

    def create(self, place: Place, value: Mapping[str, JsonValue]) -> bool:
        """Create an entry; False where another writer has that number."""
        # with the nonce two writers never write the same bytes, and one of them knows it lost
        content = canonical_json({**value, "nonce": uuid.uuid4().hex})
        try:
            self._storage.upload_file(
                self._bucket, self.key(place), content, "application/json", create_only=True
            )
        except ConflictError:
            return False
        return True
