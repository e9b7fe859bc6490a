"""What the memory of verified contents promises."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from stores import at_once

from astrid_sdk.storage.seen import RACY_NS, SeenContents
from astrid_sdk.storage.source_files import FileMark

NOW_NS = 1_700_000_000_000_000_000
OLD = FileMark(size_bytes=5, mtime_ns=NOW_NS - RACY_NS - 1, ctime_ns=NOW_NS - RACY_NS - 1, inode=7)
PLACE = "folder sky bucket"


@pytest.fixture(params=["memory", "file"])
def seen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SeenContents]:
    made = SeenContents(tmp_path / "deep" / "seen.sqlite" if request.param == "file" else None)
    yield made
    made.close()


def test_an_unchanged_file_has_the_hash_it_had(seen: SeenContents, tmp_path: Path) -> None:
    path = tmp_path / "frame é \udcff.fits"  # a name that is no text comes so from the disk
    seen.remember_files([(path, OLD, "ab")], hashed_at_ns=NOW_NS)
    assert seen.hashes({path: OLD, tmp_path / "other": OLD}) == {path: "ab"}


@pytest.mark.parametrize("field", ["size_bytes", "mtime_ns", "ctime_ns", "inode"])
def test_a_file_that_changed_in_any_way_is_not_known(
    seen: SeenContents, tmp_path: Path, field: str
) -> None:
    seen.remember_files([(tmp_path, OLD, "ab")], hashed_at_ns=NOW_NS)
    changed = OLD._replace(**{field: 1})
    assert seen.hashes({tmp_path: changed}) == {}


@pytest.mark.parametrize("field", ["mtime_ns", "ctime_ns"])
def test_a_file_written_just_before_it_was_hashed_is_not_remembered(
    seen: SeenContents, tmp_path: Path, field: str
) -> None:
    fresh = OLD._replace(**{field: NOW_NS - RACY_NS})
    seen.remember_files([(tmp_path, fresh, "ab")], hashed_at_ns=NOW_NS)
    assert seen.hashes({tmp_path: fresh}) == {}


def test_version_marks_are_those_of_one_place(seen: SeenContents) -> None:
    seen.remember_etags(PLACE, {"a": "1", "b": None})
    seen.remember_etags(PLACE, {"a": "2"})
    assert seen.etags(PLACE, ["a", "b", "c"]) == {"a": "2"}
    assert seen.etags("elsewhere", ["a"]) == {}


def test_records_are_those_of_one_place(seen: SeenContents) -> None:
    seen.remember_records(PLACE, ["x", "y", "x"])
    assert seen.records(PLACE, ["x", "z"]) == {"x"}
    assert seen.records("elsewhere", ["x"]) == set()


def test_thousands_are_asked_for_at_once(seen: SeenContents) -> None:
    many = {f"key-{number}": str(number) for number in range(3_000)}
    seen.remember_etags(PLACE, many)
    assert seen.etags(PLACE, many) == many


def test_what_was_seen_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "seen.sqlite"
    program = (
        "import pathlib, sys; from astrid_sdk.storage.seen import SeenContents;"
        "seen = SeenContents(pathlib.Path(sys.argv[1])); seen.remember_etags('p', {'k': 'e'})"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)
    seen = SeenContents(path)
    assert seen.etags("p", ["k"]) == {"k": "e"}
    seen.close()


@pytest.mark.parametrize(
    "content", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 5000]
)
def test_a_broken_file_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "seen.sqlite"
    path.write_bytes(content)
    seen = SeenContents(path)
    seen.remember_records(PLACE, ["x"])
    assert seen.records(PLACE, ["x"]) == {"x"}
    seen.close()


def test_a_file_of_another_release_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "seen.sqlite"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE blobs (only_this_column)")
    other.execute("PRAGMA user_version = 99")
    other.commit()
    other.close()
    seen = SeenContents(path)
    seen.remember_etags(PLACE, {"k": "e"})
    assert seen.etags(PLACE, ["k"]) == {"k": "e"}
    seen.close()


def test_a_place_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    seen = SeenContents(tmp_path / "file" / "seen.sqlite")
    seen.remember_records(PLACE, ["x"])
    assert seen.records(PLACE, ["x"]) == set()
    seen.close()


def test_threads_and_connections_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "seen.sqlite"
    all_seen = [SeenContents(path) for _ in range(3)]

    def write(number: int) -> None:
        for turn in range(20):
            all_seen[number % 3].remember_records(PLACE, [f"{number}-{turn}"])

    at_once([lambda number=number: write(number) for number in range(6)])  # type: ignore[misc]
    expected = {f"{number}-{turn}" for number in range(6) for turn in range(20)}
    assert all_seen[0].records(PLACE, expected) == expected
    for seen in all_seen:
        seen.close()


def test_it_can_be_used_again_after_it_was_closed(tmp_path: Path) -> None:
    seen = SeenContents(tmp_path / "seen.sqlite")
    seen.remember_records(PLACE, ["x"])
    seen.close()
    seen.close()
    assert seen.records(PLACE, ["x"]) == {"x"}
    seen.close()
