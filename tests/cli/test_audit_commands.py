"""What ``astrid audit``, ``astrid delete`` and ``astrid restore`` promise."""

import csv
import json
from pathlib import Path

import pytest
from cli.terminal import astrid, mistake
from stores import BUCKET, local_store

import astrid_sdk


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def content(store: Path) -> str:
    with astrid_sdk.connect(store) as session:
        return session.cas.store_data(b"sky", "text/plain", name="sky")


def test_a_content_is_deleted_and_restored(store: Path, content: str) -> None:
    answer = astrid("delete", content[:10], "--store", store, "--reason", "not ours")
    assert answer.out == f"sky@{content[:8]} is deleted from artifacts\n"
    assert "nothing found" in astrid("find", "--store", store).out
    assert "DELETED" in astrid("why", content, "--store", store).out
    assert "found again in artifacts" in astrid("restore", content, "--store", store).out
    assert "1 found" in astrid("find", "--store", store).out


def test_a_deletion_says_what_cannot_be_done(store: Path, content: str) -> None:
    assert "Missing option '--reason'" in mistake("delete", content, "--store", store)
    words = ("delete", content, "--store", store, "--reason", "no", "--tier")
    assert "is not in datasets, but in artifacts" in mistake(*words, "datasets")
    assert "no tier is called 'x'" in mistake(*words, "x")
    assert "nothing deleted has" in mistake("restore", content, "--store", store)


def test_what_a_command_did_is_in_the_audit(store: Path, content: str) -> None:
    astrid("delete", content, "--store", store, "--reason", "not ours")
    shown = astrid("audit", "show", "--store", store, "--hash", content)
    assert f"by cli  delete-content {content} (not ours): done" in shown.out
    lines = astrid("audit", "show", "--store", store, "--json", "--limit", "0").out.splitlines()
    assert {json.loads(line)["face"] for line in lines} == {"sdk", "cli"}
    shown = astrid("audit", "show", "--store", store, "--limit", "1")
    assert shown.out.count("\n") == 1
    assert "the last 1 of" in shown.err


def test_verify_ends_with_1_where_the_audit_was_changed(store: Path, content: str) -> None:
    answer = astrid("audit", "verify", "--store", store)
    assert answer.code == 0, answer
    assert "by 1 writer: nothing was tampered with" in answer.out
    assert content
    plain = local_store(store)
    (segment,) = plain.list_files(BUCKET, "_audit/")
    told = plain.download_file(BUCKET, segment).replace(b"artifacts", b"artefacts")
    plain.upload_file(BUCKET, segment, told, "application/x-ndjson")
    answer = astrid("audit", "verify", "--store", store)
    assert (answer.code, "do not follow each other" in answer.out) == (1, True), answer
    answer = astrid("audit", "verify", "--store", store, "--json")
    assert (answer.code, json.loads(answer.out)["is_sound"]) == (1, False)


def test_the_audit_is_exported_to_a_new_file(store: Path, content: str) -> None:
    answer = astrid("audit", "export", "audit.ndjson", "--store", store)
    events = [json.loads(line) for line in Path("audit.ndjson").read_text().splitlines()]
    assert answer.out == f"audit.ndjson: {len(events)} events\n"
    assert content in {event["content_hash"] for event in events}
    astrid("audit", "export", "audit.csv", "--store", store, "--format", "csv")
    with Path("audit.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["key"] for row in rows] == [event["key"] for event in events]
    assert "File exists" in mistake("audit", "export", "audit.csv", "--store", store)
