"""GET /storage/download: verified bytes, whole or in part, and nothing a browser would run."""

import hashlib
import http.client
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from api.here import Here, session_on
from hypothesis import given
from hypothesis import strategies as st
from stores import local_store

from astrid_sdk.api.byte_ranges import Part, Unsatisfiable, part_of
from astrid_sdk.api.naming import disposition
from astrid_sdk.errors import CorruptionError
from astrid_sdk.storage.operations import Get
from astrid_sdk.testing.stores import CorruptingStore, Damage, flip_bit

LARGE = np.random.default_rng(1).bytes(9_500_000)
SMALL = np.random.default_rng(2).bytes(4_000)
FOREVER = "private, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def hashes(shared: Here) -> dict[str, bytes]:
    return {shared.put(content): content for content in (LARGE, SMALL, b"")}


def test_what_went_in_comes_out(shared: Here, hashes: dict[str, bytes]) -> None:
    for content_hash, content in hashes.items():
        answer = shared.client.get(f"/storage/download/{content_hash}")
        assert answer.content == content
        assert answer.headers["etag"] == f'"{content_hash}"'
        assert answer.headers["cache-control"] == FOREVER
        assert answer.headers["content-length"] == str(len(content))


@pytest.mark.parametrize("content", [LARGE, SMALL], ids=["large", "small"])
@pytest.mark.parametrize(
    "asked", ["0-0", "5-99", "100-", "-7", "-99999999", "3999-99999999", "262143-262145"]
)
def test_a_range_is_that_part(
    shared: Here, hashes: dict[str, bytes], content: bytes, asked: str
) -> None:
    (content_hash,) = (key for key, value in hashes.items() if value is content)
    answer = shared.client.get(
        f"/storage/download/{content_hash}", headers={"Range": f"bytes={asked}"}
    )
    first, _, last = asked.partition("-")
    expected = content[-int(last) :] if not first else content[int(first) :]
    if first and last:
        expected = content[int(first) : int(last) + 1]
    if not expected:
        assert answer.status_code == 416
        assert answer.headers["content-range"] == f"bytes */{len(content)}"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        return
    start = content.index(expected) if not first else int(first)
    assert answer.status_code == 206
    assert answer.content == expected
    told = f"bytes {start}-{start + len(expected) - 1}/{len(content)}"
    assert answer.headers["content-range"] == told


@pytest.mark.parametrize(
    "asked", ["bytes=5-2", "bytes=0-1,4-5", "lines=1-2", "bytes=", "x", "bytes=--1"]
)
def test_a_range_that_cannot_be_read_is_ignored(
    shared: Here, hashes: dict[str, bytes], asked: str
) -> None:
    (content_hash,) = (key for key, value in hashes.items() if value is SMALL)
    answer = shared.client.get(f"/storage/download/{content_hash}", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, SMALL)


def test_a_range_under_another_version_is_the_whole(shared: Here, hashes: dict[str, bytes]) -> None:
    (content_hash,) = (key for key, value in hashes.items() if value is SMALL)
    for tag, status in ((f'"{content_hash}"', 206), ('"other"', 200), (f'W/"{content_hash}"', 200)):
        headers = {"Range": "bytes=0-1", "If-Range": tag}
        assert (
            shared.client.get(f"/storage/download/{content_hash}", headers=headers).status_code
            == status
        )


def test_what_a_client_has_is_not_sent_again(shared: Here, hashes: dict[str, bytes]) -> None:
    (content_hash,) = (key for key, value in hashes.items() if value is SMALL)
    url = f"/storage/download/{content_hash}"
    for tag in (f'"{content_hash}"', "*", f'"x", W/"{content_hash}"'):
        answer = shared.client.get(url, headers={"If-None-Match": tag})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == f'"{content_hash}"'
    assert shared.client.get(url, headers={"If-None-Match": '"x"'}).status_code == 200


def test_head_says_what_get_would(shared: Here, hashes: dict[str, bytes]) -> None:
    for content_hash in hashes:
        url = f"/storage/download/{content_hash}"
        looked, got = shared.client.head(url), shared.client.get(url)
        assert looked.content == b""
        wanted = ("etag", "content-length", "content-type", "content-disposition", "cache-control")
        assert [looked.headers[n] for n in wanted] == [got.headers[n] for n in wanted]
    assert shared.client.head(f"/storage/download/{'0' * 64}").status_code == 404


def test_a_content_that_is_not_there_is_404(shared: Here) -> None:
    answer = shared.client.get(f"/storage/download/{'0' * 64}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_no_redirect_where_the_store_makes_no_urls(shared: Here, hashes: dict[str, bytes]) -> None:
    content_hash = next(iter(hashes))
    url = f"/storage/download/{content_hash}?redirect=presigned"
    assert shared.client.get(url).status_code == 200


def _damaged(folder: Path, skip: int) -> Here:
    damage = Damage(flip_bit, verbs={"get"}, where="artifacts/", skip=skip, times=None)
    store = CorruptingStore(local_store(folder), [damage])
    return Here(session_on(store, folder))


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
def test_damage_at_the_start_is_told_before_a_byte_is_sent(tmp_path: Path, content: bytes) -> None:
    with _damaged(tmp_path, 0) as here:
        content_hash = here.put(content)
        answer = here.client.get(f"/storage/download/{content_hash}")
        assert (answer.status_code, answer.json()["code"]) == (502, "corruption")
        assert str(tmp_path) not in answer.text


def test_damage_midway_ends_the_response_before_its_length(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with _damaged(tmp_path, 1) as here:
        content_hash = here.put(LARGE)
        connection = http.client.HTTPConnection("127.0.0.1", here.port)
        connection.request("GET", f"/storage/download/{content_hash}")
        answer = connection.getresponse()
        assert answer.status == 200
        with pytest.raises(http.client.IncompleteRead) as got:
            answer.read()
        connection.close()
        assert LARGE.startswith(got.value.partial)
        counts = here.client.get("/metrics").text
    assert "astrid_corruptions_total 1.0" in counts
    assert f"{content_hash} was broken off: corruption" in caplog.text


def test_a_record_that_lies_about_the_length_is_no_reason_to_send_less(tmp_path: Path) -> None:
    with Here(session_on(local_store(tmp_path), tmp_path)) as here:
        content_hash = here.put(SMALL)
        references = here.service.references
        (told,) = references.known(content_hash)
        references.known = lambda _: [type(told)(told.tier, told.name, 5, "a/b", told.created_at)]
        answer = here.client.get(f"/storage/download/{content_hash}")
        assert (answer.status_code, answer.json()["code"]) == (502, CorruptionError.kind)


@given(st.integers(0, 50), st.integers(0, 60), st.integers(0, 60))
def test_ranges_are_read_as_slices_are(size: int, start: int, stop: int) -> None:
    found = part_of(f"bytes={start}-{stop}", size)
    expected: Any = Part(start, min(stop + 1, size))
    if start >= size and start <= stop:
        expected = Unsatisfiable(size)
    if stop < start:
        expected = None
    assert found == expected


@given(st.text(max_size=60))
def test_every_name_makes_a_plain_header(name: str) -> None:
    told = disposition(name)
    assert told.isascii()
    assert told.isprintable()
    assert told.count('"') == 2
    assert told.startswith("attachment; filename=")


def test_only_the_part_that_is_asked_for_is_read(tmp_path: Path) -> None:
    from astrid_sdk.testing.stores import RecordingStore  # noqa: PLC0415

    store = RecordingStore(local_store(tmp_path))
    with Here(session_on(store, tmp_path)) as here:
        content_hash = here.put(LARGE)
        store.operations.clear()
        here.client.get(
            f"/storage/download/{content_hash}", headers={"Range": "bytes=9000000-9000010"}
        )
        gets = [each for each in store.operations if isinstance(each, Get)]
        read = [each for each in gets if each.key.startswith("artifacts/")]
        assert sum((each.stop or 0) - each.start for each in read) <= 2 << 20


def test_the_hash_of_what_came_is_the_name_it_was_asked_by(
    shared: Here, hashes: dict[str, bytes]
) -> None:
    for content_hash in hashes:
        content = shared.client.get(f"/storage/download/{content_hash}").content
        assert hashlib.sha256(content).hexdigest() == content_hash
