"""What people say a cutout shows, kept for ever: each label is a record of its own."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from astrid_sdk.catalog.search.finding import find_one
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.datasets.labels import reading, rule
from astrid_sdk.datasets.labels.given import GivenLabel, of_csv, of_frame, of_mapping
from astrid_sdk.datasets.labels.label import REAL_BOGUS, Label, check_question, check_value
from astrid_sdk.datasets.labels.subjects import CutOut, Subject, Subjects
from astrid_sdk.datasets.labels.table import Labelled, LabelTable
from astrid_sdk.errors import InvalidInputError, NotFoundError
from astrid_sdk.storage.records import Record, RecordKind, RecordLog, current_author
from astrid_sdk.tiers import Tier

if TYPE_CHECKING:  # it takes a second to import
    import pandas as pd

_TICK = timedelta(microseconds=1)  # labels given together keep their order
_MOST_TOLD = 20


class Labels:
    """The labels of one bucket.

    Parameters
    ----------
    catalog : Catalog
    records : RecordLog
    cut_out : callable
        Says of each detection's id which content was cut out of it.
    """

    def __init__(self, catalog: Catalog, records: RecordLog, cut_out: CutOut) -> None:
        self._catalog = catalog
        self._records = records
        self._cut_out = cut_out

    def add(
        self,
        content_hash: str,
        value: str | None,
        *,
        question: str = REAL_BOGUS,
        author: str | None = None,
        comment: str = "",
    ) -> Label:
        """Record that a content is a `value`, and return the label.

        Parameters
        ----------
        content_hash : str
            Or any unique prefix of at least eight digits.
        value : str or None
            Such as ``"real"``; None takes the author's own label back.
        question : str
            What is answered.
        author : str, optional
            Who says so; by default the login name.
        comment : str

        Raises
        ------
        NotFoundError
            Nothing stored has that hash.
        InvalidInputError
            The label or the question cannot be one.
        """
        subject = Subjects(self._catalog, [content_hash], self._cut_out).of_content(content_hash)
        label = Label(
            content_hash=subject.content_hash,
            value=None if value is None else check_value(value),
            question=check_question(question),
            author=author or current_author(),
            created_at=datetime.now(UTC),
            comment=comment,
            name=subject.name,
        )
        self._records.append([_record(label, subject)])
        return label

    def add_many(
        self,
        labels: "Mapping[str, str | None] | pd.DataFrame",
        *,
        question: str = REAL_BOGUS,
        author: str | None = None,
        comment: str = "",
        skip_bad: bool = False,
    ) -> Labelled:
        """Record many labels; those that their author said last already are not said again.

        Parameters
        ----------
        labels : mapping of str to str, or pandas.DataFrame
            By content hash, or a table with the columns that `read_csv` takes.
        question, author, comment : str
            Where the table does not say them.
        skip_bad : bool
            Record the others where some cannot be recorded; by default nothing is.

        Raises
        ------
        InvalidInputError
            Some cannot be recorded; the message says which, and why (kind ``labels``).
        """
        given = of_mapping(labels) if isinstance(labels, Mapping) else of_frame(labels)
        told = _Defaults(check_question(question), author or current_author(), comment)
        return self._record_all(given, told, skip_bad=skip_bad)

    def read_csv(
        self,
        path: str | Path,
        *,
        question: str = REAL_BOGUS,
        author: str | None = None,
        skip_bad: bool = False,
    ) -> Labelled:
        """Record the labels in a CSV file.

        Its columns are ``content_hash`` or ``detection_id``, ``label``, and, where wanted,
        ``author question comment time`` (ISO, UTC without an offset).

        Parameters
        ----------
        path : str or Path
        question, author : str
            Where a line does not say them.
        skip_bad : bool
            As in `add_many`.

        Raises
        ------
        InvalidInputError
            The file cannot be read, or lines cannot be recorded; the message names each line.
        """
        told = _Defaults(check_question(question), author or current_author(), "")
        return self._record_all(of_csv(Path(path)), told, skip_bad=skip_bad)

    def of(self, content_hash: str) -> LabelTable:
        """Return all that was ever said of a content, oldest first.

        Raises
        ------
        NotFoundError
            Nothing stored has that hash.
        """
        found = find_one(self._catalog, content_hash)
        return LabelTable(reading.labels_of_content(self._catalog, found.content_hash))

    def table(self, question: str | None = None) -> LabelTable:
        """Return all labels that answer `question`, or any, oldest first."""
        return LabelTable(self._labels(question))

    def disagreements(self, question: str | None = None) -> LabelTable:
        """Return the last words of the authors on those contents on which they do not agree."""
        found = rule.disputed(self._labels(question))
        return LabelTable(sorted(found, key=lambda it: (it.content_hash, it.created_at)))

    def current(self, question: str = REAL_BOGUS) -> dict[str, str]:
        """Return the label that counts, by content hash.

        The last word of each author counts, and what most of them say is the label. A tie is no
        label; nor is what was taken back.
        """
        return rule.majority(self._labels(check_question(question)))

    def _labels(self, question: str | None) -> list[Label]:
        return reading.labels_of_question(self._catalog, question)

    def _record_all(
        self, given: Iterable[GivenLabel], told: "_Defaults", *, skip_bad: bool
    ) -> Labelled:
        given = list(given)
        subjects = Subjects(self._catalog, (it.content for it in given), self._cut_out)
        start, good, bad = datetime.now(UTC), list[tuple[Label, Subject]](), list[str]()
        for number, it in enumerate(given):
            try:
                good.append(_understood(it, told, subjects, start + number * _TICK))
            except (InvalidInputError, NotFoundError) as error:
                bad.append(f"{it.where}: {error.message}")
        if bad and not skip_bad:
            raise InvalidInputError(_refusal(bad, len(given)), kind="labels")
        fresh = list(self._news(good))
        self._records.append(_record(label, subject) for label, subject in fresh)
        added = tuple(label for label, _ in fresh)
        return Labelled(added, unchanged=len(good) - len(fresh), skipped=tuple(bad))

    def _news(self, given: list[tuple[Label, Subject]]) -> Iterator[tuple[Label, Subject]]:
        """Yield the labels that are not their authors' last words already."""
        last = rule.last_words(self._labels(None))
        for label, subject in sorted(given, key=lambda pair: pair[0].created_at):
            voter = (label.content_hash, label.question, label.author)
            before = last.get(voter)
            if before is None or (before.value, before.comment) != (label.value, label.comment):
                last[voter] = label
                yield label, subject


class _Defaults:
    """What counts where a given label does not say it."""

    def __init__(self, question: str, author: str, comment: str) -> None:
        self.question = question
        self.author = author
        self.comment = comment


def _understood(
    given: GivenLabel, told: _Defaults, subjects: Subjects, when: datetime
) -> tuple[Label, Subject]:
    """Return the label that was meant, and what it is about.

    Raises
    ------
    InvalidInputError, NotFoundError
        It cannot be understood, or is of nothing that is stored.
    """
    by_detection = given.detection and not given.content
    subject = (
        subjects.of_detection(given.detection)
        if by_detection
        else subjects.of_content(given.content)
    )
    label = Label(
        content_hash=subject.content_hash,
        value=None if given.value is None else check_value(given.value),
        question=check_question(given.question or told.question),
        author=given.author or told.author,
        created_at=_time(given.time) if given.time else when,
        comment=given.comment or told.comment,
        name=subject.name,
    )
    return label, subject


def _time(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(f"{text!r} is no time: give it as 2024-05-03T04:12:00") from None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def _record(label: Label, subject: Subject) -> Record:
    return Record(
        kind=RecordKind.LABEL,
        content_hash=label.content_hash,
        tier=Tier(subject.tier),
        size_bytes=subject.size_bytes,
        media_type=subject.media_type,
        name=subject.name,
        created_at=label.created_at,
        author=label.author,
        details={"question": label.question, "value": label.value, "comment": label.comment},
    )


def _refusal(bad: list[str], count: int) -> str:
    more = [f"and {len(bad) - _MOST_TOLD} more"] if len(bad) > _MOST_TOLD else []
    told = "\n".join([*bad[:_MOST_TOLD], *more])
    return (
        f"{len(bad)} of {count} labels cannot be recorded, so none was; mend them, or pass "
        f"skip_bad=True (--skip-bad):\n{told}"
    )
