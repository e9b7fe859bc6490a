"""What labels promise."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from stores import Bench, WrappedStore, local_store

from astrid_sdk.catalog.search.finding import Query, find
from astrid_sdk.datasets.labels.labels import Labels
from astrid_sdk.datasets.labels.table import LabelTable
from astrid_sdk.errors import InvalidInputError, NotFoundError

DETECTIONS: Mapping[str, str | None] = {}


@pytest.fixture
def store(tmp_path: Path) -> WrappedStore:
    return WrappedStore(local_store(tmp_path / "store"))


@pytest.fixture
def bench(store: WrappedStore) -> Bench:
    return Bench(store)


@pytest.fixture
def labels(bench: Bench) -> Labels:
    return labels_on(bench)


def labels_on(bench: Bench, detections: Mapping[str, str | None] = DETECTIONS) -> Labels:
    return Labels(bench.catalog, bench.records, lambda: detections)


def cutouts(bench: Bench, count: int = 3) -> list[str]:
    return [
        str(
            bench.cas.store_data(b"%d" % n, "application/fits", tier="detections", name=f"{n}.fits")
        )
        for n in range(count)
    ]


def said(table: LabelTable) -> list[tuple[str | None, str]]:
    return [(label.value, label.author) for label in table]


def test_a_label_says_who_when_of_what_and_why(bench: Bench, labels: Labels) -> None:
    (cutout,) = cutouts(bench, 1)
    before = datetime.now(UTC)
    made = labels.add(cutout[:8], "real", author="ada", comment="clean PSF")
    (read,) = labels_on(Bench(bench.storage)).of(cutout)
    assert read == made
    assert (read.content_hash, read.value, read.question) == (cutout, "real", "real_bogus")
    assert (read.author, read.comment, read.name) == ("ada", "clean PSF", "0.fits")
    assert before <= read.created_at <= datetime.now(UTC)


def test_every_word_is_kept_and_the_last_of_each_author_counts(
    bench: Bench, labels: Labels
) -> None:
    (cutout,) = cutouts(bench, 1)
    for value, author in (("real", "ada"), ("bogus", "ben"), ("bogus", "ada")):
        labels.add(cutout, value, author=author)
    assert said(labels.of(cutout)) == [("real", "ada"), ("bogus", "ben"), ("bogus", "ada")]
    assert labels.current() == {cutout: "bogus"}


def test_the_majority_is_the_label_and_a_tie_is_none(bench: Bench, labels: Labels) -> None:
    won, tied, alone = cutouts(bench)
    for value, author in (("real", "ada"), ("real", "ben"), ("bogus", "cy")):
        labels.add(won, value, author=author)
    for value, author in (("real", "ada"), ("bogus", "ben")):
        labels.add(tied, value, author=author)
    labels.add(alone, "bogus", author="cy")
    assert labels.current() == {won: "real", alone: "bogus"}
    assert {label.content_hash for label in labels.disagreements()} == {won, tied}
    assert len(labels.disagreements()) == 5


def test_taking_a_label_back_takes_back_only_ones_own(bench: Bench, labels: Labels) -> None:
    (cutout,) = cutouts(bench, 1)
    labels.add(cutout, "real", author="ada")
    labels.add(cutout, "bogus", author="ben")
    labels.add(cutout, None, author="ben")
    assert labels.current() == {cutout: "real"}
    assert len(labels.disagreements()) == 0
    assert said(labels.of(cutout))[-1] == (None, "ben")


def test_questions_do_not_answer_each_other(bench: Bench, labels: Labels) -> None:
    (cutout,) = cutouts(bench, 1)
    labels.add(cutout, "real")
    labels.add(cutout, "SN Ia", question="excluded")  # a word that statements use, too
    assert labels.current() == {cutout: "real"}
    assert labels.current("excluded") == {cutout: "SN Ia"}
    assert [label.question for label in labels.table("excluded")] == ["excluded"]
    assert len(labels.table()) == 2
    assert len(find(bench.catalog, Query())) == 1  # it is not left out


def test_a_label_is_no_content(bench: Bench, labels: Labels) -> None:
    (cutout,) = cutouts(bench, 1)
    labels.add(cutout, "real")
    (row,) = find(bench.catalog, Query())
    assert (row.content_hash, row.name) == (cutout, "0.fits")


def test_many_labels_are_one_pack_and_reading_them_reads_no_pack_again(
    bench: Bench, labels: Labels, store: WrappedStore
) -> None:
    hashes = cutouts(bench, 30)
    bench.catalog.refresh()
    store.written.clear()
    made = labels.add_many(dict.fromkeys(hashes, "real"), author="ada")
    assert len(made.added) == 30
    assert sum(key.startswith("_records/") for key in store.written) == 1
    assert len(labels.current()) == 30
    store.read.clear()
    assert len(labels.table()) == 30
    assert not [key for key in store.read if key.startswith("_records/")]


def test_what_was_said_already_is_not_said_again(bench: Bench, labels: Labels) -> None:
    one, two, _ = cutouts(bench)
    given: dict[str, str | None] = {one: "real", two: "bogus"}
    labels.add_many(given, author="ada")
    again = labels.add_many({**given, two: "real"}, author="ada")
    assert (len(again.added), again.unchanged) == (1, 1)
    assert str(again) == "1 labels recorded (1 real); 1 had been said before"
    assert len(labels.add_many(given, author="ben").added) == 2


def test_a_data_frame_may_hold_numbers_and_gaps(bench: Bench, labels: Labels) -> None:
    hashes = cutouts(bench, 2)
    frame = pd.DataFrame({"content_hash": hashes, "label": [1, 0], "author": ["ada", np.nan]})
    labels.add_many(frame, author="ben")
    assert labels.current() == dict(sorted(zip(hashes, ("1", "0"), strict=True)))
    assert {label.author for label in labels.table()} == {"ada", "ben"}


def test_a_csv_file_names_contents_or_detections(bench: Bench, tmp_path: Path) -> None:
    one, two, three = cutouts(bench)
    path = tmp_path / "labels.csv"
    path.write_text(
        "\ufeffcontent_hash;detection_id;label;author;comment;time;mag\r\n"
        f'{one};;real;ada;"sharp; round";2024-05-03T04:12:00+02:00;19\r\n'
        f";d-2;bogus;;;;\r\n"
        f"{three[:10]};;Ünïcode, =1+1;;;;\r\n",
        encoding="utf-8",
    )
    made = labels_on(bench, {"d-2": two}).read_csv(path, author="ben")
    labels = labels_on(bench)
    assert labels.current() == {one: "real", two: "bogus", three: "Ünïcode, =1+1"}
    (first,) = labels.of(one)
    assert (first.author, first.comment) == ("ada", "sharp; round")
    assert first.created_at == datetime(2024, 5, 3, 2, 12, tzinfo=UTC)
    assert len(made.added) == 3


BAD = """content_hash,detection_id,label,time
{one},,real,
{absent},,real,
abc,,real,
{one},,,
,d-9,real,
,d-1,real,
{one},,real,yesterday
"""


def test_every_bad_line_is_told_and_nothing_is_written(
    bench: Bench, tmp_path: Path, store: WrappedStore
) -> None:
    (one,) = cutouts(bench, 1)
    path = tmp_path / "labels.csv"
    path.write_text(BAD.format(one=one, absent="f" * 64))
    labels = labels_on(bench, {"d-1": None})
    labels.table()
    store.written.clear()
    with pytest.raises(InvalidInputError, match="6 of 7 labels cannot be recorded") as caught:
        labels.read_csv(path)
    told = str(caught.value).splitlines()[1:]
    reasons = ("nothing stored", "too short", "there is no label", "no detection", "not cut out")
    for line, reason in zip(told, (*reasons, "no time"), strict=True):
        assert reason in line
    assert [line.split(":")[0] for line in told] == [f"line {n}" for n in (3, 4, 5, 6, 7, 8)]
    assert store.written == []
    made = labels.read_csv(path, skip_bad=True)
    assert (len(made.added), len(made.skipped)) == (1, 6)


def test_a_line_in_quotes_is_counted_where_it_begins(bench: Bench, tmp_path: Path) -> None:
    (one,) = cutouts(bench, 1)
    path = tmp_path / "labels.csv"
    path.write_text(f'content_hash,label,comment\n{one},real,"two\nlines"\nxyz,real,\n')
    with pytest.raises(InvalidInputError, match="line 4: 'xyz' is too short"):
        labels_on(bench).read_csv(path)


@pytest.mark.parametrize("text", ["", "name,label\n", "content_hash,value\n"])
def test_a_file_without_the_columns_says_which(labels: Labels, tmp_path: Path, text: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match="needs a column label and a column content_hash"):
        labels.read_csv(path)


def test_a_file_that_cannot_be_read_is_the_callers(labels: Labels, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"none\.csv: No such file or directory; check"):
        labels.read_csv(tmp_path / "none.csv")
    path = tmp_path / "latin.csv"
    path.write_bytes("content_hash,label\nä,ö\n".encode("latin-1"))
    with pytest.raises(InvalidInputError, match=r"latin\.csv: it is no text in UTF-8"):
        labels.read_csv(path)


@pytest.mark.parametrize("value", ["", "  ", "two\nlines", "x" * 201, 1.5, True])
def test_what_cannot_be_a_label_is_refused(bench: Bench, labels: Labels, value: str) -> None:
    (cutout,) = cutouts(bench, 1)
    with pytest.raises(InvalidInputError, match=r"label"):
        labels.add(cutout, value)


def test_a_question_has_a_plain_name(bench: Bench, labels: Labels) -> None:
    (cutout,) = cutouts(bench, 1)
    with pytest.raises(InvalidInputError, match="is no question"):
        labels.add(cutout, "real", question="is it real?")


def test_a_content_that_is_not_stored_has_no_label(labels: Labels) -> None:
    with pytest.raises(NotFoundError, match="nothing stored"):
        labels.add("f" * 64, "real")


def test_labels_survive_a_rebuild_of_the_catalogue(bench: Bench, labels: Labels) -> None:
    (cutout,) = cutouts(bench, 1)
    labels.add(cutout, "real")
    bench.catalog.rebuild()
    assert labels.current() == {cutout: "real"}


def test_a_table_of_labels_shows_itself(bench: Bench, labels: Labels) -> None:
    (cutout,) = cutouts(bench, 1)
    labels.add(cutout, "<b>real</b>", author="ada")
    table = labels.table()
    shown = table._repr_mimebundle_()
    assert repr(table).startswith("<1 label of 1 content by 1 author>")
    assert "&lt;b&gt;real" in shown["text/html"]
    assert "<b>real" not in shown["text/html"]
    assert list(table.to_pandas()["value"]) == ["<b>real</b>"]
    assert repr(table[0]).startswith(f"<0.fits@{cutout[:8]}: <b>real</b>, says ada 2")
