"""The whole matrix: each role, in each tier, at each operation of the OpenAPI document."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from api.here import Here, embedded

from astrid_sdk.api.access import Verb
from astrid_sdk.api.identity.key_store import KeyStore
from astrid_sdk.api.identity.roles import OPERATIONS, VERBS, Need, Role, Where, roles_of
from astrid_sdk.tiers import Tier

FORCED = "?force=true"
DONE = {200, 201}


@dataclass
class Locked:
    """A service that is entered by keys, one for each role in each tier."""

    here: Here
    admin: str
    keys: dict[tuple[Role, Tier], str] = field(default_factory=dict)
    contents: dict[Tier, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def ask(self, token: str, method: str, url: str, **request: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.here.client.request(method, url, headers=headers, **request)

    def put(self, tier: Tier) -> str:
        """Upload a content that was never there."""
        content = f"content {next(self.numbers)}".encode()
        request = {"content": content, "params": {"tier": tier.value}}
        answer = self.ask(self.admin, "POST", "/storage/upload", **request)
        assert answer.status_code == 201, answer.text
        found: str = answer.json()["content_hash"]
        return found


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    session = embedded(tmp_path_factory.mktemp("matrix") / "store")
    store = KeyStore.of(session)
    made = {
        (role, tier): store.create("matrix", roles_of([role], [tier]))[1].reveal()
        for role in Role
        for tier in Tier
    }
    admin = store.create("all", roles_of(["admin"]))[1].reveal()
    with Here(session) as here:
        service = Locked(here, admin, made)
        service.contents = {tier: service.put(tier) for tier in Tier}
        version = {"message": "m", "files": [_file(service.contents[Tier.TEMP])]}
        service.ask(admin, "POST", "/storage/datasets/there/version", json=version)
        yield service


def _file(content_hash: str) -> dict[str, str]:
    return {"content_hash": content_hash, "path": "a"}


def _upload(locked: Locked, token: str, tier: Tier) -> httpx.Response:
    params = {"tier": tier.value}
    return locked.ask(token, "POST", "/storage/upload", params=params, content=b"one more")


def _read(noun: str, method: str = "GET") -> Callable[[Locked, str, Tier], httpx.Response]:
    def ask(locked: Locked, token: str, tier: Tier) -> httpx.Response:
        return locked.ask(token, method, f"/storage/{noun}/{locked.contents[tier]}")

    return ask


def _find(locked: Locked, token: str, tier: Tier) -> httpx.Response:
    return locked.ask(token, "GET", "/storage/find", params={"tier": tier.value})


def _delete(force: str = "") -> Callable[[Locked, str, Tier], httpx.Response]:
    def ask(locked: Locked, token: str, tier: Tier) -> httpx.Response:
        return locked.ask(token, "DELETE", f"/storage/{locked.put(tier)}{force}")

    return ask


def _version(locked: Locked, token: str, tier: Tier) -> httpx.Response:
    made = {"message": "m", "files": [_file(locked.contents[tier])]}
    number = next(locked.numbers)
    return locked.ask(token, "POST", f"/storage/datasets/set{number}/version", json=made)


def _plain(url: str) -> Callable[[Locked, str, Tier], httpx.Response]:
    return lambda locked, token, _tier: locked.ask(token, "GET", url)


ASKING: Mapping[str, Callable[[Locked, str, Tier], httpx.Response]] = {
    "upload": _upload,
    "download": _read("download"),
    "download_head": _read("download", "HEAD"),
    "metadata": _read("metadata"),
    "lineage": _read("lineage"),
    "find": _find,
    "delete": _delete(),
    f"delete{FORCED}": _delete(FORCED),
    "make_version": _version,
    "versions": _plain("/storage/datasets/there/versions"),
    "metrics": _plain("/metrics"),
    "live": _plain("/health/live"),
    "ready": _plain("/health/ready"),
}


def _operations(locked: Locked) -> set[str]:
    paths = locked.here.app.openapi()["paths"]
    return {each["operationId"] for path in paths.values() for each in path.values()}


def _expected(need: Need, role: Role, own: Tier, target: Tier) -> set[int]:
    """Return the statuses that a role in `own` gets where it asks for `target`, by the table."""
    if need.where in {Where.NOWHERE, Where.OPEN}:
        return DONE
    assert need.verb is not None
    asked_in = Tier.DATASETS if need.where is Where.DATASETS else target
    may = own is asked_in and need.verb in VERBS[role]
    may_read = own is target and Verb.READ in VERBS[role]
    if need.where is Where.THE_CONTENT and need.reads_content and not may_read:
        return {404}
    if not may:
        return {404} if need.hides else {403}
    return {404} if need.reads_content and not may_read else DONE


def test_every_operation_of_the_document_is_in_the_table_and_asked_here(locked: Locked) -> None:
    assert {name.partition("?")[0] for name in OPERATIONS} == _operations(locked)
    assert OPERATIONS.keys() == ASKING.keys()


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("role", Role)
def test_a_role_may_in_its_tier_what_the_table_says(locked: Locked, role: Role, tier: Tier) -> None:
    token = locked.keys[role, tier]
    for name, ask in ASKING.items():
        answer = ask(locked, token, tier)
        if name == "find":
            assert bool(answer.json()["items"]) == (Verb.READ in VERBS[role])
        else:
            expected = _expected(OPERATIONS[name], role, tier, tier)
            assert answer.status_code in expected, (name, answer.status_code, answer.text)


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("role", Role)
def test_a_role_of_one_tier_counts_for_nothing_in_another(
    locked: Locked, role: Role, tier: Tier
) -> None:
    token = locked.keys[role, tier]
    other = list(Tier)[list(Tier).index(tier) - 1]
    for name, ask in ASKING.items():
        answer = ask(locked, token, other)
        if name == "find":
            assert answer.json()["items"] == []
        else:
            expected = _expected(OPERATIONS[name], role, tier, other)
            assert answer.status_code in expected, (name, other, answer.text)


@pytest.mark.parametrize("name", ASKING)
def test_without_a_key_only_what_is_open_answers(locked: Locked, name: str) -> None:
    answer = ASKING[name](locked, "", Tier.TEMP)
    is_open = OPERATIONS[name].where is Where.OPEN
    assert answer.status_code == (200 if is_open else 401)
    assert is_open or answer.headers["www-authenticate"].startswith("Bearer")
