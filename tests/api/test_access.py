"""Who may do what: the routes ask, whoever says who it is."""

from collections.abc import Iterator
from typing import Any

import pytest
from api.here import Here, Keys, caller, embedded

from astrid_sdk.api.access import LocalUser, Verb
from astrid_sdk.api.serving import require_safe_host
from astrid_sdk.api.settings import ApiSettings
from astrid_sdk.errors import InvalidInputError

CALLERS = {
    "all": caller("all"),
    "reader": caller("reader", temp="read", artifacts="read"),
    "writer": caller("writer", temp="read write"),
    "curator": caller("curator", artifacts="read", datasets="read write curate"),
    "nobody": caller("nobody", temp=""),
}


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    """A service with keys, on a store with one content in models and one in artifacts."""
    with Here(embedded(tmp_path_factory.mktemp("locked") / "store"), Keys(**CALLERS)) as here:
        here.client.headers["X-API-Key"] = "all"
        yield here


@pytest.fixture(scope="module")
def contents(locked: Here) -> dict[str, str]:
    return {tier: locked.put(tier.encode(), tier=tier) for tier in ("models", "artifacts", "temp")}


def _ask(here: Here, key: str, method: str, url: str, **request: Any) -> Any:
    return here.client.request(method, url, headers={"X-API-Key": key}, **request)


@pytest.mark.parametrize("key", ["", "wrong", "readers"])
def test_without_credentials_that_count_there_is_no_answer(locked: Here, key: str) -> None:
    answer = _ask(locked, key, "GET", "/storage/find")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "detail" not in answer.json()


def test_health_needs_no_credentials_and_counts_do(locked: Here) -> None:
    assert _ask(locked, "", "GET", "/health/live").status_code == 200
    assert _ask(locked, "", "GET", "/health/ready").status_code == 200
    assert _ask(locked, "", "GET", "/metrics").status_code == 401


@pytest.mark.parametrize("noun", ["download", "metadata", "lineage"])
def test_what_may_not_be_seen_looks_like_what_is_not_there(
    locked: Here, contents: dict[str, str], noun: str
) -> None:
    hidden = _ask(locked, "reader", "GET", f"/storage/{noun}/{contents['models']}")
    absent = _ask(locked, "reader", "GET", f"/storage/{noun}/{'0' * 64}")
    seen = _ask(locked, "reader", "GET", f"/storage/{noun}/{contents['artifacts']}")
    assert (hidden.status_code, absent.status_code, seen.status_code) == (404, 404, 200)
    told = [{**each.json(), "request_id": ""} for each in (hidden, absent)]
    assert told[0] == told[1]
    varying = {"x-request-id", "date"}
    headers = [
        {k: v for k, v in each.headers.items() if k not in varying} for each in (hidden, absent)
    ]
    assert headers[0] == headers[1]


def test_a_search_finds_what_may_be_seen(locked: Here, contents: dict[str, str]) -> None:
    def found(key: str, **conditions: str) -> list[str]:
        answer = _ask(locked, key, "GET", "/storage/find", params=conditions).json()
        return sorted(item["tier"] for item in answer["items"])

    assert contents
    assert found("all") == ["artifacts", "models", "temp"]
    assert found("reader") == ["artifacts", "temp"]
    assert found("reader", tier="models") == []
    assert found("nobody") == []


@pytest.mark.parametrize(
    ("key", "tier", "status"),
    [
        ("all", "models", 201),
        ("writer", "temp", 201),
        ("writer", "models", 403),
        ("reader", "temp", 403),
        ("curator", "artifacts", 403),
        ("nobody", "temp", 403),
    ],
)
@pytest.mark.parametrize("is_form", [False, True])
def test_an_upload_goes_where_its_caller_may_write(
    locked: Here, key: str, tier: str, status: int, *, is_form: bool
) -> None:
    content = f"{key} {tier} {is_form}".encode()
    if is_form:
        request: dict[str, Any] = {"files": {"file": content}, "data": {"tier": tier}}
    else:
        request = {"content": content, "params": {"tier": tier}}
    answer = _ask(locked, key, "POST", "/storage/upload", **request)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "forbidden"


@pytest.mark.parametrize(
    ("key", "noun", "status"),
    [
        ("curator", "artifacts", 201),
        ("curator", "models", 404),  # not there, as far as this caller can tell
        ("writer", "artifacts", 403),
        ("reader", "artifacts", 403),
    ],
)
def test_a_version_is_made_by_a_curator_of_what_it_may_read(
    locked: Here, contents: dict[str, str], key: str, noun: str, status: int
) -> None:
    wanted = {"message": "m", "files": [{"content_hash": contents[noun], "path": "a"}]}
    answer = _ask(locked, key, "POST", f"/storage/datasets/{key}-{noun}/version", json=wanted)
    assert answer.status_code == status


def test_a_lineage_does_not_name_what_may_not_be_seen(locked: Here) -> None:
    source = locked.put(b"a secret source", tier="models", name="secret-name")
    made = locked.session.derive(_doubled, {"text": source}, name="visible")
    content_hash = made.outputs[0].content_hash
    told = _ask(locked, "reader", "GET", f"/storage/lineage/{content_hash}")
    assert told.status_code == 200
    assert "secret-name" not in told.text
    prov = _ask(locked, "reader", "GET", f"/storage/lineage/{content_hash}?format=prov")
    assert "secret-name" not in prov.text
    assert "secret-name" in _ask(locked, "all", "GET", f"/storage/lineage/{content_hash}").text


def _doubled(inputs: Any) -> dict[str, bytes]:
    return {"doubled": inputs.read("text") * 2}


def test_with_keys_web_pages_and_other_names_are_no_danger(locked: Here) -> None:
    headers = {"X-API-Key": "all", "Host": "astrid.example", "Origin": "https://a.example"}
    assert locked.client.get("/storage/find", headers=headers).status_code == 200


def test_without_keys_the_network_is_not_listened_to() -> None:
    for host in ("127.0.0.1", "localhost", "::1"):
        require_safe_host(ApiSettings(host=host), LocalUser())
    for host in ("0.0.0.0", "::", "10.0.0.1", "astrid.example"):  # noqa: S104 - to be refused
        with pytest.raises(InvalidInputError, match="this machine only"):
            require_safe_host(ApiSettings(host=host), LocalUser())
        require_safe_host(ApiSettings(host=host), Keys())


def test_a_caller_without_a_right_has_none_of_the_others() -> None:
    ann = caller("ann", temp="read")
    assert ann.allows("temp", Verb.READ)
    assert not ann.allows("temp", Verb.WRITE)
    assert not ann.allows("models", Verb.READ)
    assert "read" not in repr(ann)


def test_a_lineage_tells_how_only_of_what_may_be_seen(
    locked: Here, contents: dict[str, str]
) -> None:
    content_hash = contents["artifacts"]
    wanted = {"message": "m", "files": [{"content_hash": content_hash, "path": "a"}]}
    _ask(locked, "all", "POST", "/storage/datasets/secret-plan/version", json=wanted)
    url = f"/storage/lineage/{content_hash}?direction=impact&format=prov"
    assert "astrid:parameters" in _ask(locked, "all", "GET", url).text
    told = _ask(locked, "reader", "GET", url)
    assert told.status_code == 200
    assert told.json()["activity"]
    for word in ("secret-plan", "astrid:parameters", "astrid:environment"):
        assert word not in told.text
