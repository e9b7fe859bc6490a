"""Which registered models a content is: kept beside the contents, so that lineage can name them.

MLflow's registry may be a server that is away, or on another machine. Each registration leaves an
object ``models/registered/<hash>/<name>/<version>.json`` that is never changed.
"""

from collections.abc import Collection, Mapping
from urllib.parse import quote, unquote

from astrid_sdk.datasets.history import Histories
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.tiers import Tier

_PREFIX = f"{Tier.MODELS.value}/registered/"


class RegisteredNames:
    """The names under which models of one bucket were registered.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    """

    def __init__(self, storage: ObjectStorage, bucket: str) -> None:
        self._entries = Histories(storage, bucket, _PREFIX)

    def record(self, model_hash: str, name: str, version: int) -> None:
        """Say that a content is version `version` of the registered model `name`."""
        self._entries.create((f"{model_hash}/{quote(name, safe='')}", version), {})

    def versions_of(self, contents: Collection[str]) -> Mapping[str, list[str]]:
        """Return which registered models each of `contents` is, such as ``["real-bogus v1"]``."""
        found: dict[str, list[str]] = {}
        for entry, numbers in sorted(self._entries.numbers().items()):
            model_hash, _, name = entry.partition("/")
            if model_hash in contents:
                called = [f"{unquote(name)} v{number}" for number in numbers]
                found.setdefault(model_hash, []).extend(called)
        return found
