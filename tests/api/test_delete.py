"""DELETE /storage/{hash}: the reference goes, the bytes stay."""

from collections.abc import Iterator

import pytest
from api.here import Here, Keys, caller, embedded

CALLERS = {
    "all": caller("all"),
    "writer": caller("writer", temp="read write"),
    "curator": caller("curator", temp="read write curate"),
    "both": caller("both", temp="read curate", models="read curate"),
}


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    with Here(embedded(tmp_path_factory.mktemp("locked") / "store"), Keys(**CALLERS)) as here:
        here.client.headers["X-API-Key"] = "all"
        yield here


def test_what_is_deleted_is_not_found_and_comes_back_when_it_is_stored_again(here: Here) -> None:
    content_hash = here.put(b"to be deleted")
    answer = here.client.delete(f"/storage/{content_hash}", params={"reason": "a test"})
    assert (answer.status_code, answer.json()["tiers"]) == (200, ["artifacts"])
    for url in (f"/storage/download/{content_hash}", f"/storage/metadata/{content_hash}"):
        assert here.client.get(url).status_code == 404
    assert here.client.delete(f"/storage/{content_hash}").status_code == 404
    assert here.session.cas.retrieve_data(content_hash) == b"to be deleted"
    assert here.put(b"to be deleted") == content_hash
    assert here.client.get(f"/storage/download/{content_hash}").content == b"to be deleted"


def test_a_tier_narrows_it(here: Here) -> None:
    content_hash = here.put(b"twice", tier="temp")
    here.put(b"twice", tier="models")
    assert here.client.delete(f"/storage/{content_hash}?tier=temp").json()["tiers"] == ["temp"]
    assert here.client.get(f"/storage/metadata/{content_hash}").json()["tiers"] == ["models"]


def test_what_a_dataset_needs_stays_unless_it_is_forced(here: Here) -> None:
    content_hash = here.put(b"needed")
    wanted = {"message": "m", "files": [{"content_hash": content_hash, "path": "a"}]}
    here.client.post("/storage/datasets/needing/version", json=wanted)
    refused = here.client.delete(f"/storage/{content_hash}")
    assert (refused.status_code, refused.json()["code"]) == (409, "needed")
    assert refused.json()["needed_by"] == ["needing v1"]
    assert "needing" in refused.json()["detail"]
    forced = here.client.delete(f"/storage/{content_hash}?force=true").json()
    assert any("needing" in each for each in forced["needed_by"])


@pytest.mark.parametrize(
    ("key", "query", "status"),
    [
        ("writer", "?tier=temp", 403),
        ("curator", "", 403),  # it is in models, too
        ("curator", "?tier=temp&force=true", 403),
        ("curator", "?tier=temp", 200),
        ("both", "", 200),
    ],
)
def test_it_takes_the_right_to_curate_each_tier(
    locked: Here, key: str, query: str, status: int
) -> None:
    content = f"{key} {query}".encode()
    content_hash = locked.put(content, tier="temp")
    locked.put(content, tier="models")
    headers = {"X-API-Key": key}
    answer = locked.client.delete(f"/storage/{content_hash}{query}", headers=headers)
    assert answer.status_code == status, answer.text


def test_what_may_not_be_seen_cannot_be_deleted_and_looks_absent(locked: Here) -> None:
    content_hash = locked.put(b"hidden", tier="detections")
    headers = {"X-API-Key": "curator"}
    hidden = locked.client.delete(f"/storage/{content_hash}", headers=headers)
    absent = locked.client.delete(f"/storage/{'0' * 64}", headers=headers)
    told = [{**each.json(), "request_id": ""} for each in (hidden, absent)]
    assert (hidden.status_code, told[0]) == (404, told[1])


def test_what_needs_it_is_named_only_to_who_may_see_it(locked: Here) -> None:
    content_hash = locked.put(b"needed by what is hidden", tier="temp")
    wanted = {"message": "m", "files": [{"content_hash": content_hash, "path": "a"}]}
    locked.client.post("/storage/datasets/hidden-set/version", json=wanted)
    refused = locked.client.delete(
        f"/storage/{content_hash}?tier=temp", headers={"X-API-Key": "curator"}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "needed")
    assert "hidden-set" not in refused.text
