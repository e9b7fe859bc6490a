"""POST /storage/upload: a form or a body, stored when it is said to be."""

import gzip
import hashlib
from typing import Any

import pytest
from api.here import Here
from skies import Shot

CONTENT = b"any bytes at all"
HASH = hashlib.sha256(CONTENT).hexdigest()


def _post(here: Here, **request: Any) -> Any:
    answer = here.client.post("/storage/upload", **request)
    return answer.status_code, answer.json()


def test_a_new_content_is_created_and_the_same_again_is_already_there(here: Here) -> None:
    first = _post(here, content=CONTENT, params={"tier": "models", "name": "a/b.bin"})
    again = _post(here, content=CONTENT, params={"tier": "models", "name": "a/b.bin"})
    assert (first[0], again[0]) == (201, 200)
    assert first[1]["content_hash"] == again[1]["content_hash"] == HASH
    assert (first[1]["is_new"], again[1]["is_new"]) == (True, False)
    assert again[1]["created_at"] <= first[1]["created_at"]
    assert again[1]["names"] == ["a/b.bin"]
    assert here.session.cas.retrieve_data(HASH, tier="models") == CONTENT


def test_a_form_brings_file_tier_and_name_in_any_order(here: Here) -> None:
    files = {"file": ("x.txt", CONTENT, "text/plain")}
    status, told = _post(here, files=files, data={"tier": "temp", "name": "given.txt"})
    assert (status, told["tier"], told["names"]) == (201, "temp", ["given.txt"])
    assert told["media_type"] == "text/plain"


def test_without_a_tier_it_goes_to_artifacts_and_is_called_by_its_hash(here: Here) -> None:
    _, told = _post(here, content=CONTENT)
    assert (told["tier"], told["names"]) == ("artifacts", [HASH[:8]])


def test_an_empty_content_is_a_content(here: Here) -> None:
    status, told = _post(here, content=b"")
    assert (status, told["size_bytes"]) == (201, 0)


def test_a_large_body_is_stored_whole(here: Here) -> None:
    content = bytes(range(256)) * 40_000
    assert here.put(content) == hashlib.sha256(content).hexdigest()
    files = {"file": ("large.bin", content + b"!")}
    _, told = _post(here, files=files)
    assert told["content_hash"] == hashlib.sha256(content + b"!").hexdigest()
    assert told["names"] == ["large.bin"]
    assert list(here.service.uploads.iterdir()) == []


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_a_body_that_is_not_what_was_promised_is_not_stored(here: Here, size: int) -> None:
    content = b"x" * size
    headers = {"X-Content-SHA256": HASH}
    for request in ({"content": content}, {"files": {"file": ("a", content)}}):
        status, told = _post(here, headers=headers, **request)
        assert (status, told["code"]) == (409, "hash_mismatch")
    assert here.session.content_hashes() == []
    promised = {"X-Content-SHA256": hashlib.sha256(content).hexdigest()}
    assert _post(here, headers=promised, content=content)[0] == 201


def test_an_image_is_found_by_what_its_header_says(here: Here) -> None:
    image = Shot(night="2024-04-05", noise_seed=1).to_bytes()
    status, told = _post(
        here, files={"file": ("frame.fits", image)}, data={"tier": "raw-observations"}
    )
    assert (status, told["note"], told["media_type"]) == (201, "", "application/fits")
    found = here.client.get("/storage/find", params={"night": "2024-04-05"}).json()
    assert [item["content_hash"] for item in found["items"]] == [told["content_hash"]]
    known = here.client.get(f"/storage/metadata/{told['content_hash']}").json()
    assert known["sky"][0]["night"] == "2024-04-05"
    assert known["sky"][0]["ra_deg"] is not None
    assert known["purpose"] == "science"


def test_a_packed_image_is_looked_into_without_unpacking_all_of_it(here: Here) -> None:
    image = gzip.compress(Shot(night="2024-04-05", noise_seed=1).to_bytes())
    _, told = _post(here, content=image, params={"tier": "raw-observations", "name": "a.fits.gz"})
    assert (told["note"], told["media_type"]) == ("", "application/gzip")


def test_what_is_called_an_image_and_is_none_is_stored_with_the_reason(here: Here) -> None:
    status, told = _post(
        here, content=b"no image\n", params={"tier": "raw-observations", "name": "a.fits"}
    )
    assert status == 201
    assert "not a FITS file" in told["note"]
    assert "upload-" not in told["note"]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"params": {"tier": "attic"}}, "invalid_input"),
        ({"params": {"name": "../up"}}, "invalid_input"),
        ({"params": {"name": "a\nb"}}, "invalid_input"),
        ({"headers": {"Content-Type": "no type"}}, "media_type"),
        ({"headers": {"Content-Type": "multipart/form-data"}}, "form"),
        ({"headers": {"Content-Type": "multipart/form-data; boundary=x"}}, "form"),
        ({"headers": {"X-Content-SHA256": "abc"}}, "invalid_input"),
    ],
)
def test_what_cannot_be_taken_is_refused_in_words(
    shared: Here, request_: dict[str, Any], code: str
) -> None:
    status, told = _post(shared, content=CONTENT, **request_)
    assert (status, told["code"]) == (422, code)
    assert told["detail" if code != "invalid_input" else "errors"]


@pytest.mark.parametrize(
    "fields",
    [
        {"files": {"other": ("a", CONTENT)}},
        {"files": [("file", ("a", CONTENT)), ("file", ("b", CONTENT))]},
        {"files": {"file": ("a", CONTENT)}, "data": {"teir": "models"}},
        {"files": {"file": ("a", CONTENT)}, "data": {"name": "x" * 5000}},
        {"files": {"file": ("a", CONTENT)}, "data": {"tier": "attic"}},
        {"files": {"file": ("a", CONTENT)}, "data": {"tier": ""}},
        {"files": {"file": ("a", CONTENT)}, "data": {"name": ""}, "params": {"name": "b"}},
    ],
)
def test_a_form_with_other_parts_is_refused(shared: Here, fields: dict[str, Any]) -> None:
    status, told = _post(shared, **fields)
    assert status == 422
    assert told["code"] in {"form", "invalid_input"}


def test_a_packed_body_is_not_unpacked(shared: Here) -> None:
    headers = {"Content-Encoding": "gzip"}
    status, told = _post(shared, content=gzip.compress(CONTENT), headers=headers)
    assert (status, told["code"]) == (415, "content_encoding")


def test_what_a_killed_service_left_is_removed_when_it_is_a_day_old(here: Here) -> None:
    import os  # noqa: PLC0415

    folder = here.session.home / "uploads"
    folder.mkdir()
    old, new = folder / "upload-old", folder / "upload-new"
    old.touch()
    new.touch()
    os.utime(old, (1, 1))
    here.put(CONTENT)
    assert list(folder.iterdir()) == [new]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("/storage/upload?name=../up.txt", "relative path"),
        ("/storage/upload?tier=attic", "'raw-observations'"),
        ("/storage/metadata/836b466b", "64 hexadecimal digits"),
        ("/storage/find?nmae=a", "nothing of that name"),
        ("/storage/datasets/Sn%20train/versions", "letters a-z"),
    ],
)
def test_what_is_wrong_is_said_in_words(shared: Here, url: str, words: str) -> None:
    method = "POST" if "upload" in url else "GET"
    answer = shared.client.request(method, url, content=CONTENT if method == "POST" else None)
    told = answer.json()["errors"][0]
    assert answer.status_code == 422
    assert words in told["what"]
    assert "\\x" not in told["what"]
    assert told["where"].startswith(("query.", "path."))
