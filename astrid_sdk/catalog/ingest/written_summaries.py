"""Summaries as they go from the process that read a file into a record pack: as text.

They are written once, by the process that read the file. The one that stores it puts the text into
a record, and a report reads it when somebody looks.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from astrid_sdk.canonical import WrittenArray, canonical_json

_HEADER = "header"  # of a summary: some kB, which no report needs
_NO_HEADER = '"header":{}'  # within a text quotes are escaped: this is only ever a key


class WrittenSummaries(WrittenArray):
    """The summaries of one file.

    Parameters
    ----------
    told : WrittenArray
        The same without the headers' cards.
    headers : sequence of str
        These cards of each, as JSON.
    """

    __slots__ = ("headers", "told")

    def __init__(self, told: WrittenArray, headers: Sequence[str]) -> None:
        super().__init__(_with_headers(told.text, headers))
        self.told = told
        self.headers = headers

    @classmethod
    def of(cls, summaries: Iterable[Mapping[str, Any]]) -> "WrittenSummaries":
        """Return summaries, as `astrid_sdk.sky.summary.Summary.to_json` gives them, written."""
        said = [dict(summary) for summary in summaries]
        headers = [canonical_json(each[_HEADER]).decode("ascii") for each in said]
        told = canonical_json([each | {_HEADER: {}} for each in said]).decode("ascii")
        return cls(WrittenArray(told), headers)

    def to_fields(self) -> list[str]:
        """Return texts without tab or line feed, of which `of_fields` makes the same."""
        return [self.told.text, *self.headers]

    @classmethod
    def of_fields(cls, fields: Sequence[str]) -> "WrittenSummaries":
        """Return the summaries that `to_fields` gave."""
        told, *headers = fields
        return cls(WrittenArray(told), headers)


def _with_headers(told: str, headers: Sequence[str]) -> str:
    if len(headers) == 1:
        return told.replace(_NO_HEADER, f'"header":{headers[0]}', 1)
    first, *others = told.split(_NO_HEADER)
    pairs = zip(headers, others, strict=True)
    return first + "".join(f'"header":{header}{text}' for header, text in pairs)


def told_of(summaries: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Return what a report tells of summaries: all but the headers' cards."""
    if isinstance(summaries, WrittenSummaries):
        return summaries.told
    return [{**each, _HEADER: {}} for each in summaries]
