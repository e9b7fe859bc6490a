"""Summaries as text on their way into a record."""

import json
from typing import Any

import pytest

from astrid_sdk.canonical import JsonValue, WrittenArray, canonical_json
from astrid_sdk.catalog.ingest.written_summaries import WrittenSummaries, told_of

SUMMARIES: list[dict[str, Any]] = [
    {
        "night": "2024-04-05",
        "header": {"OBJECT": 'a "header":{} b', "Z": 1.5},
        "object_name": "é\t",
    },
    {"night": None, "header": {}, "object_name": '"header":{}'},
]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_written_summaries_are_their_canonical_json(count: int) -> None:
    written = WrittenSummaries.of(SUMMARIES[:count])
    said: list[JsonValue] = [*SUMMARIES[:count]]
    assert written.text.encode("ascii") == canonical_json(said)
    assert list(written) == SUMMARIES[:count]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_they_pass_through_a_line_of_text(count: int) -> None:
    fields = WrittenSummaries.of(SUMMARIES[:count]).to_fields()
    assert not set("\t\n") & set("".join(fields))
    assert list(WrittenSummaries.of_fields(fields)) == SUMMARIES[:count]


def test_a_report_is_told_all_but_the_cards() -> None:
    bare = [each | {"header": {}} for each in SUMMARIES]
    assert told_of(WrittenSummaries.of(SUMMARIES)) == bare == told_of(SUMMARIES)


def test_a_written_array_is_a_sequence() -> None:
    array = WrittenArray("[1,2,3]")
    assert (len(array), array[0], array[1:], 3 in array) == (3, 1, [2, 3], True)
    assert array == [1, 2, 3] != WrittenArray("[1]")
    assert repr(array) == repr(json.loads(array.text))
    assert hash(array) == hash(WrittenArray("[1,2,3]"))
