"""What people say of a dataset as a whole: what it is, under which licence, whose, and how made.

Every saying is kept: ``datasets/information/<id>/<n>.json`` (format version 1), created once. The
last one counts.
"""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from typing_extensions import override

from astrid_sdk.datasets.history import Histories
from astrid_sdk.datasets.versions import DATASET_ID, check_dataset_id
from astrid_sdk.errors import ConflictError, InvalidInputError, NotFoundError
from astrid_sdk.formats import read_versioned
from astrid_sdk.rendering import html_table
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.records import current_author
from astrid_sdk.tiers import Tier

FORMAT_VERSION = 1
_PREFIX = f"{Tier.DATASETS.value}/information/"
_LICENCE_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*(?::[A-Za-z0-9][A-Za-z0-9.+-]*)?")
_JOINING = {"AND", "OR", "WITH"}


@dataclass(frozen=True, slots=True, repr=False)
class DatasetInformation:
    """What is said of a dataset.

    Attributes
    ----------
    dataset_id : str
    number : int
        1 was said first; 0 where nobody has said anything.
    description : str
        What it is, for whoever finds it in ten years.
    licence : str
        An SPDX expression such as ``"CC-BY-4.0"``; "" where nobody decided.
    creators : tuple of str
        Whom to cite, in order.
    how : str
        How it was made.
    details : mapping of str to str
        What else there is to say, such as ``{"survey": "ZTF"}``.
    created_at : datetime, optional
        When this was said.
    author : str
        By whom.
    """

    dataset_id: str
    number: int = 0
    description: str = ""
    licence: str = ""
    creators: tuple[str, ...] = ()
    how: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    author: str = ""

    def rows(self) -> list[tuple[str, str]]:
        """Return what is known, as names and texts."""
        said = {
            "description": self.description,
            "licence": self.licence,
            "creators": ", ".join(self.creators),
            "how": self.how,
            **self.details,
        }
        return [(name, text) for name, text in said.items() if text]

    @override
    def __repr__(self) -> str:
        return "\n".join([f"<dataset {self.dataset_id}>", *(f"{n}: {t}" for n, t in self.rows())])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        table = html_table(("", ""), self.rows())
        page = f"<p><b>{html.escape(self.dataset_id)}</b></p>{table if self.rows() else ''}"
        return {"text/plain": repr(self), "text/html": page}


class InformationBook:
    """What was said of the datasets of one bucket.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    """

    def __init__(self, storage: ObjectStorage, bucket: str) -> None:
        self._said = Histories(storage, bucket, _PREFIX)

    def create(self, dataset_id: str, changes: Mapping[str, Any]) -> DatasetInformation:
        """Say what a new dataset is.

        Raises
        ------
        ConflictError
            There is one of that id already (``kind="exists"``).
        InvalidInputError
            The id, the licence or a value cannot be one.
        """
        said = _changed(DatasetInformation(check_dataset_id(dataset_id), 1), changes)
        if self._said.numbers_of(dataset_id) or not self._write(said):
            raise ConflictError(
                f"there is a dataset {dataset_id} already: describe() says something else of it",
                kind="exists",
            )
        return said

    def change(self, dataset_id: str, changes: Mapping[str, Any]) -> DatasetInformation:
        """Say something else of a dataset; what is not among `changes` stays.

        Raises
        ------
        InvalidInputError
            The licence or a value cannot be one.
        """
        while True:
            last = self.last(dataset_id)
            said = _changed(last, changes)
            if _same(said, last):
                return last
            said = replace(said, number=last.number + 1)
            if self._write(said):
                return said

    def last(self, dataset_id: str) -> DatasetInformation:
        """Return what was said last; with number 0 where nobody has said anything."""
        numbers = self._said.numbers_of(check_dataset_id(dataset_id))
        if not numbers:
            return DatasetInformation(dataset_id)
        return self._read([(dataset_id, numbers[-1])])[0]

    def all(self) -> dict[str, DatasetInformation]:
        """Return by id what was said last of each dataset that anything was said of."""
        numbers = self._said.numbers()
        places = [
            (name, found[-1]) for name, found in numbers.items() if DATASET_ID.fullmatch(name)
        ]
        return {said.dataset_id: said for said in self._read(places)}

    def _read(self, places: Sequence[tuple[str, int]]) -> list[DatasetInformation]:
        return [_information(content) for content in self._said.read(places)]

    def _write(self, said: DatasetInformation) -> bool:
        now = said.created_at
        value = {
            "format_version": FORMAT_VERSION,
            **{name: getattr(said, name) for name in said.__slots__},
            "details": dict(said.details),
            "created_at": now.isoformat() if now else None,
        }
        return self._said.create((said.dataset_id, said.number), value)


def required(said: DatasetInformation, *, has_versions: bool) -> DatasetInformation:
    """Return `said`, of a dataset that somebody made or spoke of.

    Raises
    ------
    NotFoundError
        Nobody did.
    """
    if not said.number and not has_versions:
        raise NotFoundError(
            f"there is no dataset {said.dataset_id}: list() shows those there are, and create() "
            "makes one"
        )
    return said


def check_licence(licence: str) -> str:
    """Return `licence` if it reads like an SPDX expression, or is empty.

    Raises
    ------
    InvalidInputError
        It does not (``kind="licence"``).
    """
    words = licence.replace("(", " ").replace(")", " ").split()
    names, joints = words[::2], words[1::2]
    is_sound = (
        len(words) % 2 == 1
        and licence.count("(") == licence.count(")")
        and all(_LICENCE_WORD.fullmatch(name) and name not in _JOINING for name in names)
        and all(joint in _JOINING for joint in joints)
    )
    if licence and not is_sound:
        raise InvalidInputError(
            f"{licence!r} is no SPDX licence expression: write it as 'CC-BY-4.0', 'MIT OR "
            "Apache-2.0', or 'LicenseRef-ours' for one that has no name",
            kind="licence",
        )
    return licence


def _changed(said: DatasetInformation, changes: Mapping[str, Any]) -> DatasetInformation:
    """Return `said` with changes; names that are no field are details, and None takes one out."""
    given = dict(changes)
    details = {**said.details, **(given.pop("details", None) or {})}
    description, licence, how = (
        _text(name, given.pop(name, getattr(said, name)))
        for name in ("description", "licence", "how")
    )
    creators = given.pop("creators", said.creators)
    details |= given
    return replace(
        said,
        description=description,
        licence=check_licence(licence),
        how=how,
        creators=tuple(_text("creators", each) for each in _several(creators)),
        details={name: _text(name, text) for name, text in details.items() if text is not None},
        created_at=datetime.now(UTC),
        author=current_author(),
    )


def _several(creators: str | Sequence[str]) -> Sequence[str]:
    return [creators] if isinstance(creators, str) else creators


def _text(name: str, value: object) -> str:
    if isinstance(value, str | int | float):
        return str(value)
    raise InvalidInputError(f"{name} takes a text, not {value!r}", kind="information")


def _same(one: DatasetInformation, other: DatasetInformation) -> bool:
    return replace(one, number=other.number, created_at=other.created_at, author=other.author) == (
        other
    )


def _information(content: bytes) -> DatasetInformation:
    value = read_versioned(content, FORMAT_VERSION, "what is said of a dataset")
    del value["nonce"]
    value["creators"] = tuple(value["creators"])
    value["created_at"] = datetime.fromisoformat(value["created_at"])
    return DatasetInformation(**value)
