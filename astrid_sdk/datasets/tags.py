"""Tags: names that people give to versions, such as ``submitted``.

A tag may move, and where it stood is kept: ``datasets/tags/<id>/<tag>/<n>.json`` (format version
1), created once. The last one counts.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from typing_extensions import override

from astrid_sdk.datasets.history import Histories
from astrid_sdk.datasets.shown import Shown
from astrid_sdk.datasets.versions import DatasetVersion, VersionName, check_dataset_id, check_tag
from astrid_sdk.errors import NotFoundError
from astrid_sdk.formats import read_versioned
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.records import current_author
from astrid_sdk.tiers import Tier

FORMAT_VERSION = 1
_PREFIX = f"{Tier.DATASETS.value}/tags/"


@dataclass(frozen=True, slots=True, repr=False)
class Tag:
    """A name of a version.

    Attributes
    ----------
    dataset_id, tag : str
    number : int
        The version that is called so.
    created_at : datetime
        When it was given.
    author : str
        By whom.
    moved_from : int, optional
        The version that was called so before.
    """

    dataset_id: str
    tag: str
    number: int
    created_at: datetime
    author: str
    moved_from: int | None = None

    @override
    def __str__(self) -> str:
        moved = f", was v{self.moved_from}" if self.moved_from else ""
        return f"{self.dataset_id}@{self.tag} is v{self.number}{moved}"

    @override
    def __repr__(self) -> str:
        return f"<{self}>"


class TagTable(Shown[Tag]):
    """The tags of a dataset, by name."""

    noun: ClassVar[str] = "tag"
    head = ("tag", "version", "before", "by", "when")

    @override
    def cells(self, value: Tag) -> tuple[str, ...]:
        before = f"v{value.moved_from}" if value.moved_from else ""
        when = f"{value.created_at:%Y-%m-%d %H:%M}"
        return (value.tag, f"v{value.number}", before, value.author, when)


class Tags:
    """The tags of the datasets of one bucket.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    """

    def __init__(self, storage: ObjectStorage, bucket: str) -> None:
        self._given = Histories(storage, bucket, _PREFIX)

    def give(self, version: DatasetVersion, tag: str) -> Tag:
        """Call `version` by `tag` from now on; the answer says where the tag stood before.

        Raises
        ------
        InvalidInputError
            `tag` cannot be one.
        """
        history = f"{version.dataset_id}/{check_tag(tag)}"
        while True:
            numbers = self._given.numbers_of(history)
            last = self._read(history, numbers[-1]) if numbers else None
            if last is not None and last.number == version.number:
                return last
            before = last.number if last else None
            now = datetime.now(UTC)
            given = Tag(version.dataset_id, tag, version.number, now, current_author(), before)
            value = {
                "format_version": FORMAT_VERSION,
                **{name: getattr(given, name) for name in given.__slots__},
                "created_at": now.isoformat(),
            }
            if self._given.create((history, numbers[-1] + 1 if numbers else 1), value):
                return given

    def list(self, dataset_id: str) -> TagTable:
        """Return the tags of a dataset, each as it was given last."""
        found = self._given.numbers(f"{check_dataset_id(dataset_id)}/")
        return TagTable([self._read(name, numbers[-1]) for name, numbers in sorted(found.items())])

    def history(self, dataset_id: str, tag: str) -> TagTable:
        """Return where a tag stood, oldest first."""
        name = f"{check_dataset_id(dataset_id)}/{check_tag(tag)}"
        return TagTable([self._read(name, number) for number in self._given.numbers_of(name)])

    def resolved(self, name: VersionName) -> VersionName:
        """Return `name` with a number in place of its tag.

        Raises
        ------
        NotFoundError
            No version is called so.
        """
        if not name.tag:
            return name
        history = f"{name.dataset_id}/{name.tag}"
        numbers = self._given.numbers_of(history)
        if not numbers:
            known = ", ".join(each.tag for each in self.list(name.dataset_id)) or "none yet"
            raise NotFoundError(
                f"no version of {name.dataset_id} is tagged {name.tag!r}; its tags: {known}"
            )
        return VersionName(name.dataset_id, self._read(history, numbers[-1]).number)

    def _read(self, history: str, number: int) -> Tag:
        (content,) = self._given.read([(history, number)])
        value = read_versioned(content, FORMAT_VERSION, "a tag")
        del value["nonce"]
        return Tag(**{**value, "created_at": datetime.fromisoformat(value["created_at"])})
