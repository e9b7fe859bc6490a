"""Whose a dataset id is: a folder that is added claims one, and nobody else can take it.

``datasets/dvc-datasets/<id>/<n>.json`` (format version 1), created once. The first entry is the
claim; later ones say that the dataset is pushed elsewhere from then on.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from astrid_sdk.datasets.history import Histories
from astrid_sdk.errors import ConflictError
from astrid_sdk.formats import read_versioned
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.records import current_author
from astrid_sdk.tiers import Tier

FORMAT_VERSION = 1
_PREFIX = f"{Tier.DATASETS.value}/dvc-datasets/"


@dataclass(frozen=True, slots=True)
class Claim:
    """Who has a dataset id, and where the dataset is pushed.

    Attributes
    ----------
    dataset_id : str
    token : str
        What the folder's ``.dvc`` file carries to show that the dataset is its own.
    remote_url : str
        "" for the remote that belongs to the store.
    author : str
    created_at : str
        ISO 8601, UTC.
    """

    dataset_id: str
    token: str
    remote_url: str = ""
    author: str = ""
    created_at: str = ""


class Claims:
    """The claimed ids of one bucket.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    """

    def __init__(self, storage: ObjectStorage, bucket: str) -> None:
        self._said = Histories(storage, bucket, _PREFIX)

    def find(self, dataset_id: str) -> Claim | None:
        """Return who has the id, with the remote that was said last; None where nobody has."""
        numbers = self._said.numbers_of(dataset_id)
        return self._read(dataset_id, numbers[-1]) if numbers else None

    def claim(self, dataset_id: str, token: str) -> bool:
        """Claim the id; False where somebody with another token has it."""
        found = self.find(dataset_id)
        if found is None and self._write(dataset_id, 1, token, ""):
            return True
        found = found or self.find(dataset_id)
        return found is not None and found.token == token

    def first_free(
        self, names: Callable[[int], str], token: str, is_taken: Callable[[str], bool]
    ) -> str:
        """Claim the first of ``names(1)``, ``names(2)``, … that nobody else has; return it.

        Parameters
        ----------
        names : callable
        token : str
        is_taken : callable
            Whether an id that nobody claimed is in use all the same.
        """
        number = 1
        while True:
            dataset_id = names(number)
            found = self.find(dataset_id)
            is_free = found is None and not is_taken(dataset_id)
            is_ours = found is not None and found.token == token
            if is_ours or (is_free and self.claim(dataset_id, token)):
                return dataset_id
            number += 1

    def push_to(self, dataset_id: str, remote_url: str) -> None:
        """Say where the dataset is pushed from now on.

        Raises
        ------
        ConflictError
            Nobody has claimed it.
        """
        while True:
            numbers = self._said.numbers_of(dataset_id)
            if not numbers:
                raise ConflictError(f"nobody has claimed {dataset_id}: add its folder first")
            last = self._read(dataset_id, numbers[-1])
            if last.remote_url == remote_url:
                return
            if self._write(dataset_id, numbers[-1] + 1, last.token, remote_url):
                return

    def _read(self, dataset_id: str, number: int) -> Claim:
        (content,) = self._said.read([(dataset_id, number)])
        value = read_versioned(content, FORMAT_VERSION, "the claim of a dataset")
        del value["nonce"]
        return Claim(**value)

    def _write(self, dataset_id: str, number: int, token: str, remote_url: str) -> bool:
        now = datetime.now(UTC).isoformat()
        claim = Claim(dataset_id, token, remote_url, current_author(), now)
        value = {"format_version": FORMAT_VERSION, **asdict(claim)}
        return self._said.create((dataset_id, number), value)
