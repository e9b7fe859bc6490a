"""What somebody who may write to the bucket can do to the audit, and whether it is found."""

import json
from collections.abc import Callable

import pytest
from audit.trails import TEXT, Told, put
from stores import BUCKET

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.storage.audit.verifying import Verification

Lines = list[bytes]


@pytest.fixture
def written(told: Told) -> Told:
    """Two writers, of whom the second saw the first end; the first shipped three segments."""
    first = told.writer()
    for number in range(3):
        put(first, f"artifacts/{number}a", f"artifacts/{number}b")
        first.trail.ship()
    first.close()
    second = told.writer()
    put(second, "artifacts/last")
    second.close()
    assert told.verified().is_sound
    return told


def lines_of(told: Told, key: str) -> Lines:
    return told.store.download_file(BUCKET, key).splitlines()


def replace(told: Told, key: str, lines: Lines) -> None:
    told.store.upload_file(BUCKET, key, b"".join(line + b"\n" for line in lines), TEXT)


def problems(found: Verification) -> list[str]:
    return [writer.problem for writer in found.writers]


def edit(lines: Lines) -> Lines:
    return [lines[0], lines[1].replace(b'"at":"2', b'"at":"3'), *lines[2:]]


def drop(lines: Lines) -> Lines:
    return [lines[0], *lines[2:]]


def swap(lines: Lines) -> Lines:
    return [lines[1], lines[0], *lines[2:]]


def double(lines: Lines) -> Lines:
    return [lines[0], lines[0], *lines[1:]]


def no_json(lines: Lines) -> Lines:
    return [lines[0], b"{", *lines[2:]]


def no_intent(lines: Lines) -> Lines:
    return [lines[0], b'{"kind":"intent","seq":2,"prev":"","at":""}', *lines[2:]]


def drop_the_last(lines: Lines) -> Lines:
    return lines[:-1]


@pytest.mark.parametrize("segment", [0, 1])
@pytest.mark.parametrize("change", [edit, drop, swap, double, no_json, no_intent, drop_the_last])
def test_a_change_within_is_found(
    written: Told, change: Callable[[Lines], Lines], segment: int
) -> None:
    key = written.segments()[segment]
    replace(written, key, change(lines_of(written, key)))
    found = written.verified()
    assert not found.is_sound
    assert problems(found)[0]


@pytest.mark.parametrize("byte", range(0, 900, 37))
def test_any_byte_that_changes_is_found(written: Told, byte: int) -> None:
    key = written.segments()[0]
    content = bytearray(written.store.download_file(BUCKET, key))
    content[byte] ^= 1
    written.store.upload_file(BUCKET, key, bytes(content), TEXT)
    assert not written.verified().is_sound


@pytest.mark.parametrize("segment", [0, 1])
def test_a_lost_segment_is_found(written: Told, segment: int) -> None:
    written.store.delete_file(BUCKET, written.segments()[segment])
    assert (
        "missing" in problems(written.verified())[0] or "begins" in problems(written.verified())[0]
    )


def test_a_cut_end_is_found_where_another_writer_saw_it(written: Told) -> None:
    written.store.delete_file(BUCKET, written.segments()[2])
    assert "its end was cut off" in problems(written.verified())[0]


def test_a_writer_that_is_gone_is_found_where_another_saw_it(written: Told) -> None:
    for key in written.segments()[:3]:
        written.store.delete_file(BUCKET, key)
    assert "nothing is left of it" in problems(written.verified())[0]


def test_a_cut_end_that_nobody_saw_is_said_not_to_be_provable(written: Told) -> None:
    first, last = written.verified().writers
    assert first.anchored == first.last
    assert last.anchored == 0 < last.last
    written.store.delete_file(BUCKET, written.segments()[3])
    assert written.verified().is_sound


def rewritten(lines: Lines, prev: str) -> tuple[Lines, str]:
    """Return the lines with other keys in them, chained as they should be."""
    made = []
    for line in lines:
        said = json.loads(line.replace(b"artifacts", b"artefacts"))
        new = json.dumps({**said, "prev": prev}).encode()
        made.append(new)
        prev = sha256_hex(new)
    return made, prev


def test_a_chain_written_anew_is_found_where_another_writer_saw_it(written: Told) -> None:
    prev = "0" * 64
    for key in written.segments()[:3]:
        lines, prev = rewritten(lines_of(written, key), prev)
        replace(written, key, lines)
    assert "was written anew" in problems(written.verified())[0]


def test_the_lines_of_one_writer_under_the_name_of_another_are_found(written: Told) -> None:
    key = written.segments()[3]
    name = key.split("/")[1]
    other = key.replace(name, name[:-1] + ("0" if name[-1] != "0" else "1"))
    replace(written, other, lines_of(written, key))
    assert "its lines are those of" in " ".join(problems(written.verified()))


def test_what_no_audit_writes_is_named(written: Told) -> None:
    written.store.upload_file(BUCKET, "_audit/notes.txt", b"", TEXT)
    found = written.verified()
    assert (found.is_sound, found.strangers) == (False, ("_audit/notes.txt",))


def test_writers_at_the_same_time_anchor_each_other(told: Told) -> None:
    writers = [told.writer() for _ in range(3)]
    for number in range(3):
        for place, writer in enumerate(writers):
            put(writer, f"artifacts/{number}-{place}")
            writer.trail.ship()
    for writer in writers:
        writer.close()
    found = told.verified()
    assert found.is_sound
    assert sum(each.anchored == each.last for each in found.writers) == 2
    assert all(each.anchored for each in found.writers)
