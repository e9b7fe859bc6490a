"""API keys: made, kept as a hash, rotated, revoked, and known within seconds."""

import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from api.here import Here, embedded, session_on
from stores import BUCKET, local_store
from typing_extensions import override

from astrid_sdk.api.access import Caller, Credentials, Verb
from astrid_sdk.api.identity.key_store import PREFIX, KeyStore
from astrid_sdk.api.identity.keys import ApiKey, lifetime_of
from astrid_sdk.api.identity.known_keys import FRESH_S, GRACE_S, KnownKeys
from astrid_sdk.api.identity.roles import Role, roles_of, words_of
from astrid_sdk.api.identity.store_access import FAILURES_AT_ONCE, StoreAccess, authenticator_of
from astrid_sdk.api.settings import ApiSettings
from astrid_sdk.config import Secret
from astrid_sdk.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RateLimitedError,
    StorageUnavailableError,
)
from astrid_sdk.session import AstridSession
from astrid_sdk.storage.operations import Operation
from astrid_sdk.testing.stores import Failure, FlakyStore
from astrid_sdk.tiers import Tier

ResultT = TypeVar("ResultT")
READER = roles_of(["reader"])
GONE = StorageUnavailableError("gone", kind="unreachable", transient=True)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.s)


class Away(FlakyStore):
    """Fails every operation while it is off."""

    is_on = True

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        return self.inner.perform(operation) if self.is_on else super().perform(operation)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def session(tmp_path: Path) -> Iterator[AstridSession]:
    with embedded(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def store(session: AstridSession, clock: Clock) -> KeyStore:
    return KeyStore(session.r2, session.bucket, session.audit, clock.now)


@pytest.fixture
def access(store: KeyStore, clock: Clock) -> StoreAccess:
    return StoreAccess(KnownKeys(store, clock), clock=clock)


def _with(token: Secret | str | None, address: str = "10.0.0.1") -> Credentials:
    return Credentials(None if token is None else Secret(token), address, is_forwarded=False)


def _caller(access: StoreAccess, credentials: Credentials) -> Caller:
    return access.recall(credentials) or access.authenticate(credentials)


def _is_let_in(access: StoreAccess, token: Secret | str | None) -> bool:
    try:
        return bool(_caller(access, _with(token)))
    except AccessDeniedError as error:
        return error.kind != "unauthenticated"


def test_a_key_is_kept_as_a_hash_only(session: AstridSession, store: KeyStore) -> None:
    key, token = store.create("ann's notebook", READER)
    secret = token.reveal().split("_", 2)[2]
    everything = b"".join(
        session.r2.download_file(BUCKET, path) for path in session.r2.list_files(BUCKET, "")
    )
    assert token.reveal().startswith(f"astrid_{key.key_id}_")
    assert len(secret) >= 43  # 256 bits, six in a letter
    assert secret.encode() not in everything
    assert b"ann's notebook" in everything
    for told in (repr(key), repr(token), repr(store.list()), str(token)):
        assert secret not in told
        assert key.secret_hash not in told
    with pytest.raises(InvalidInputError, match="not pickled"):
        pickle.dumps(token)


def test_what_is_kept_is_read_back(store: KeyStore) -> None:
    made = [
        store.create("a", READER)[0],
        store.create("b", roles_of(["reader", "admin:temp"]), timedelta(days=90))[0],
    ]
    assert sorted(store.list(), key=lambda key: key.name) == made
    assert [ApiKey.from_bytes(key.to_bytes()) for key in made] == made


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 81, "\x1b[31m"])
def test_a_name_is_something_to_read(store: KeyStore, name: str) -> None:
    with pytest.raises(InvalidInputError, match="printable"):
        store.create(name, READER)


def test_a_key_that_does_not_count_is_refused_however_it_is_wrong(
    store: KeyStore, access: StoreAccess
) -> None:
    key, token = store.create("ann", READER)
    good = token.reveal()
    assert _is_let_in(access, good)
    wrong = (None, "", "astrid", "astrid__", f"astrid_{key.key_id}_", good + "x", good[:-1])
    others = (good.replace(key.key_id, "0" * 12), good.upper(), "ü\ud800", f"astrid_{key.key_id}")
    assert not any(_is_let_in(access, each) for each in (*wrong, *others))


def test_rotation_ends_the_secret_before_it(
    store: KeyStore, access: StoreAccess, clock: Clock
) -> None:
    key, first = store.create("ann", READER, timedelta(days=1))
    clock.s += 3600
    rotated, second = store.rotate(key.key_id)
    assert (rotated.key_id, rotated.roles) == (key.key_id, key.roles)
    assert rotated.expires_at == clock.now() + timedelta(days=1)
    assert _is_let_in(access, second)
    assert not _is_let_in(access, first)


def test_revocation_is_for_good_and_known_within_seconds(
    store: KeyStore, access: StoreAccess, clock: Clock
) -> None:
    key, token = store.create("ann", READER)
    assert _is_let_in(access, token)
    store.revoke(key.key_id)
    clock.s += FRESH_S + 0.1
    assert not _is_let_in(access, token)
    with pytest.raises(ConflictError, match="revoked"):
        store.rotate(key.key_id)
    assert [each.state(clock.now()) for each in store.list()] == ["revoked"]
    assert access.needs_credentials  # the last one revoked: the door stays closed


def test_an_expired_key_does_not_count(store: KeyStore, access: StoreAccess, clock: Clock) -> None:
    _, token = store.create("ann", READER, timedelta(seconds=3))
    assert _is_let_in(access, token)
    clock.s = 3
    assert not _is_let_in(access, token)


def test_a_new_key_counts_after_a_second_at_most(
    store: KeyStore, access: StoreAccess, clock: Clock
) -> None:
    store.create("first", READER)
    assert not _is_let_in(access, "wrong")
    _, token = store.create("ann", READER)
    clock.s += 1.1
    assert _is_let_in(access, token)


def test_of_two_changes_at_once_both_are_made_one_after_the_other(
    session: AstridSession, store: KeyStore
) -> None:
    key, _ = store.create("ann", READER)
    other = KeyStore.of(session)
    store.rotate(key.key_id)
    other.revoke(key.key_id)
    paths = session.r2.list_files(BUCKET, PREFIX)
    assert [path[-len("000001.json") :] for path in paths] == [
        f"00000{number}.json" for number in (1, 2, 3)
    ]


@pytest.mark.parametrize("key_id", ["", "..", "no", "0" * 12, "../../models"])
def test_an_id_that_is_none_is_not_found(store: KeyStore, key_id: str) -> None:
    with pytest.raises(NotFoundError, match="no key has the id"):
        store.revoke(key_id)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"format_version":99}', b'{"format_version":1}']
)
def test_a_damaged_key_does_not_count_and_harms_no_other(
    session: AstridSession, store: KeyStore, access: StoreAccess, content: bytes
) -> None:
    damaged, lost = store.create("damaged", READER)
    _, token = store.create("ann", READER)
    path = f"{PREFIX}{damaged.key_id}/000002.json"
    session.r2.upload_file(BUCKET, path, content, "application/json")
    assert _is_let_in(access, token)
    assert not _is_let_in(access, lost)


def test_a_key_in_the_place_of_another_does_not_count(
    session: AstridSession, store: KeyStore, access: StoreAccess
) -> None:
    weak, token = store.create("weak", READER)
    strong, _ = store.create("strong", roles_of(["admin"]))
    path = f"{PREFIX}{weak.key_id}/000002.json"
    session.r2.upload_file(BUCKET, path, strong.to_bytes(), "application/json")
    assert not _is_let_in(access, token)


def test_failures_of_one_address_are_slowed_down_and_a_right_key_is_not(
    store: KeyStore, access: StoreAccess, clock: Clock
) -> None:
    _, token = store.create("ann", READER)
    for _ in range(FAILURES_AT_ONCE):
        assert not _is_let_in(access, "guess")
    with pytest.raises(RateLimitedError) as slowed:
        _caller(access, _with("guess"))
    assert slowed.value.kind == "too_many_requests"
    assert _is_let_in(access, token)
    with pytest.raises(AccessDeniedError):
        _caller(access, _with("guess", "10.0.0.2"))
    clock.s += 60
    assert not _is_let_in(access, "guess")


def test_addresses_of_one_ipv6_network_are_one_client(store: KeyStore, access: StoreAccess) -> None:
    store.create("ann", READER)
    for number in range(FAILURES_AT_ONCE):
        with pytest.raises(AccessDeniedError):
            _caller(access, _with("guess", f"2001:db8::{number:x}"))
    with pytest.raises(RateLimitedError):
        _caller(access, _with("guess", "2001:db8::ffff:1"))


def test_while_the_store_is_away_keys_count_for_a_minute(tmp_path: Path, clock: Clock) -> None:
    away = Away(local_store(tmp_path), [Failure(GONE, times=None)])
    with session_on(away, tmp_path) as session:
        store = KeyStore.of(session)
        _, token = store.create("ann", READER)
        access = StoreAccess(KnownKeys(store, clock), clock=clock)
        assert _is_let_in(access, token)
        away.is_on = False
        clock.s += GRACE_S - 1
        assert _is_let_in(access, token)
        clock.s += 2
        with pytest.raises(StorageUnavailableError):
            _caller(access, _with(token))
        away.is_on = True
        assert _is_let_in(access, token)


def test_a_service_that_cannot_look_for_keys_lets_nobody_in(tmp_path: Path) -> None:
    away = Away(local_store(tmp_path), [Failure(GONE, times=None)])
    with session_on(away, tmp_path) as session:
        away.is_on = False
        access = authenticator_of(session, ApiSettings())
        local = _with(None, "127.0.0.1")
        assert access.needs_credentials
        for _ in range(2):
            with pytest.raises(StorageUnavailableError):
                access.recall(local) or access.authenticate(local)
            away.is_on = True  # the request that finds out was not guarded yet: it is refused too
        assert access.recall(local)
        assert not access.needs_credentials


def test_without_keys_this_machine_is_let_in_until_the_first_is_made(
    store: KeyStore, access: StoreAccess, clock: Clock
) -> None:
    local = _with(None, "127.0.0.1")
    with pytest.raises(StorageUnavailableError):
        access.authenticate(local)
    assert _caller(access, local).allows("temp", Verb.ADMIN)
    with pytest.raises(AccessDeniedError) as refused:
        _caller(access, _with(None))
    assert refused.value.kind == "not_local"
    store.create("ann", READER)
    clock.s += FRESH_S + 0.1
    with pytest.raises(AccessDeniedError) as closed:
        _caller(access, local)
    assert closed.value.kind == "unauthenticated"


def test_roles_are_given_in_words() -> None:
    assert set(roles_of(["reader"]).values()) == {Role.READER}
    assert roles_of(["writer"], ["temp"]) == {Tier.TEMP: Role.WRITER}
    mixed = roles_of(["reader", "curator:datasets"])
    assert (mixed[Tier.DATASETS], mixed[Tier.TEMP]) == (Role.CURATOR, Role.READER)
    assert roles_of(["admin", "reader"]) == roles_of(["admin"])
    for words in (["reader"], ["reader", "curator:datasets"], ["admin:temp", "writer:models"]):
        assert roles_of(words_of(roles_of(words)).split()) == roles_of(words)


@pytest.mark.parametrize("words", [[], ["boss"], ["reader:nowhere"], [""], ["Reader"]])
def test_a_word_that_is_no_role_is_refused(words: list[str]) -> None:
    with pytest.raises(InvalidInputError):
        roles_of(words)


def test_lifetimes_are_hours_days_and_weeks() -> None:
    assert lifetime_of("12h") == timedelta(hours=12)
    assert lifetime_of("90d") == timedelta(days=90)
    assert lifetime_of("4w") == timedelta(weeks=4)
    for text in ("", "0d", "-1d", "90", "1y", "1.5d", "999999d"):
        with pytest.raises(InvalidInputError):
            lifetime_of(text)


def test_changes_of_keys_are_in_the_audit(tmp_path: Path) -> None:
    from astrid_sdk.connecting import connect  # noqa: PLC0415 - this test's own

    with connect(tmp_path / "store") as session:
        session.prepare()
        store = KeyStore.of(session)
        key, token = store.create("ann", READER)
        store.revoke(key.key_id)
        told = session.audit.events()
    verbs = [event.verb for event in told if key.key_id in event.detail]
    assert verbs == ["create-key", "revoke-key"]
    assert token.reveal() not in repr(told)


def test_over_the_wire_both_headers_take_a_key_and_no_answer_tells_it(
    session: AstridSession, caplog: pytest.LogCaptureFixture
) -> None:
    key, token = KeyStore.of(session).create("ann", roles_of(["writer"]))
    secret = token.reveal()
    caplog.set_level("DEBUG", "astrid_sdk")
    with Here(session) as here:
        for headers in ({"Authorization": f"Bearer {secret}"}, {"X-API-Key": secret}):
            assert here.client.get("/storage/find", headers=headers).status_code == 200
        wrong = {"X-API-Key": secret[:-1]}
        unknown = {"X-API-Key": secret.replace(key.key_id, "0" * 12)}
        answers = [here.client.get("/storage/find", headers=each) for each in (wrong, unknown)]
        refused = here.client.post(
            "/storage/datasets/a/version", headers={"X-API-Key": secret}, json=_VERSION
        )
        document = here.client.get("/openapi.json").text
    told = [{**answer.json(), "request_id": ""} for answer in answers]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert told[0] == told[1]
    assert refused.status_code == 403
    logged = " ".join(str(vars(record)) for record in caplog.records)
    assert f"ann (key {key.key_id})" in logged
    for text in (logged, document, *(answer.text for answer in (*answers, refused))):
        assert secret not in text
        assert key.secret_hash not in text


_VERSION = {"message": "m", "files": [{"content_hash": "0" * 64, "path": "a"}]}
