"""A store that goes away: refused in words, with when to come back, and what works is served."""

from pathlib import Path
from typing import TypeVar

import pytest
from api.here import Here, session_on
from stores import local_store
from typing_extensions import override

from astrid_sdk.api.problems import answer_to, problem_of
from astrid_sdk.errors import (
    AccessDeniedError,
    AstridError,
    ConflictError,
    CorruptionError,
    InvalidInputError,
    NotFoundError,
    QuotaExceededError,
    RateLimitedError,
    StorageUnavailableError,
)
from astrid_sdk.storage.operations import Operation
from astrid_sdk.storage.quota import QuotaStorage, quotas_of
from astrid_sdk.storage.spooling import SpoolingStorage
from astrid_sdk.testing.stores import Failure, FlakyStore

ResultT = TypeVar("ResultT")
GONE = StorageUnavailableError("cannot reach /srv/place", kind="unreachable", transient=True)


class Switch(FlakyStore):
    """Fails every operation while it is off."""

    def __init__(self, folder: Path) -> None:
        super().__init__(local_store(folder), [Failure(GONE, times=None)])
        self.is_on = True

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        return self.inner.perform(operation) if self.is_on else super().perform(operation)


def test_an_outage_is_503_with_when_to_come_back_and_what_still_works(tmp_path: Path) -> None:
    switch = Switch(tmp_path)
    with Here(session_on(switch, tmp_path)) as here:
        content_hash = here.put(b"known")
        assert here.client.get(f"/storage/download/{content_hash}").status_code == 200
        switch.is_on = False
        for method, url in (
            ("GET", f"/storage/download/{content_hash}"),
            ("HEAD", f"/storage/download/{content_hash}"),
            ("GET", f"/storage/metadata/{'0' * 64}"),
            ("GET", "/storage/find"),
            ("POST", "/storage/upload"),
            ("GET", "/storage/datasets/a/versions"),
        ):
            answer = here.client.request(method, url)
            assert answer.status_code == 503, (method, url, answer.text)
            assert int(answer.headers["retry-after"]) >= 1
            assert "/srv/place" not in answer.text
            if method != "HEAD":
                assert answer.json()["code"] == "unreachable"
                assert answer.json()["still_works"]
        told = here.client.get(f"/storage/metadata/{content_hash}")  # what is known still works
        assert (told.status_code, told.json()["size_bytes"]) == (200, 5)
        assert here.client.get("/health/live").status_code == 200
        ready = here.client.get("/health/ready")
        assert (ready.status_code, ready.json()["store"]) == (503, "away")
        switch.is_on = True
        assert here.client.get(f"/storage/download/{content_hash}").content == b"known"


def test_with_an_outbox_an_upload_is_accepted_and_waits(tmp_path: Path) -> None:
    switch = Switch(tmp_path / "far")
    store = SpoolingStorage(switch, tmp_path / "spool")
    with Here(session_on(store, tmp_path / "home")) as here:
        here.put(b"first")
        switch.is_on = False
        answer = here.client.post("/storage/upload", content=b"in the outbox")
        assert answer.status_code == 202
        assert answer.json()["is_spooled"] is True
        ready = here.client.get("/health/ready").json()
        assert ready["pending_writes"] > 0
        assert ready["degraded"]


def test_a_full_tier_is_507(tmp_path: Path) -> None:
    store = QuotaStorage(local_store(tmp_path), quotas_of({"temp": "10B"}))
    with Here(session_on(store, tmp_path)) as here:
        answer = here.client.post("/storage/upload", params={"tier": "temp"}, content=b"x" * 100)
        assert (answer.status_code, answer.json()["code"]) == (507, "quota")
        assert here.client.post("/storage/upload", content=b"x" * 100).status_code == 201


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFoundError("x"), 404),
        (InvalidInputError("x"), 422),
        (ConflictError("x"), 409),
        (CorruptionError("x"), 502),
        (AccessDeniedError("x"), 503),
        (AccessDeniedError("x", kind="forbidden"), 403),
        (AccessDeniedError("x", kind="unauthenticated"), 401),
        (QuotaExceededError("x"), 507),
        (StorageUnavailableError("x"), 503),
        (RateLimitedError("x"), 503),
        (RateLimitedError("x", kind="too_many_requests"), 429),
    ],
)
def test_every_error_has_a_status(error: AstridError, status: int) -> None:
    assert answer_to(error).status == status


@pytest.mark.parametrize("kind", [*AstridError.__subclasses__(), RateLimitedError])
def test_no_error_of_storage_tells_its_sentence(kind: type[AstridError]) -> None:
    answer = problem_of(kind("in /srv/place", kind="some_new_kind"), "id")
    assert b"/srv/place" not in answer.body
    assert b'"code": "some_new_kind"' in answer.body
