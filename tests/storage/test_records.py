"""What records and packs promise."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stores import BUCKET, WrappedStore, local_store

from astrid_sdk.canonical import canonical_json, json_hash, sha256_hex
from astrid_sdk.errors import CorruptionError, InvalidInputError, StorageUnavailableError
from astrid_sdk.storage.record_keeper import RecordKeeper
from astrid_sdk.storage.records import (
    PACK_LINES,
    STATEMENTS,
    Record,
    RecordKind,
    RecordLog,
)
from astrid_sdk.storage.seen import SeenContents
from astrid_sdk.testing.stores import Failure, FlakyStore
from astrid_sdk.tiers import Tier

HASH = "ab" * 32
NOON = datetime(2024, 4, 5, 12, tzinfo=UTC)
INGEST = Record(
    kind=RecordKind.INGEST,
    content_hash=HASH,
    tier=Tier.RAW_OBSERVATIONS,
    size_bytes=2880,
    media_type="application/fits",
    name="night/frame 1 é.fits",
    origin="file:///night/frame.fits",
    created_at=NOON,
    author="ada",
)
TAG = replace(
    INGEST, kind=RecordKind.TAG, origin="", details={"tag": "purpose", "value": "reference"}
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # a lone surrogate is no text, and no file name that comes here has one
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
records = st.builds(
    Record,
    kind=st.sampled_from(RecordKind),
    content_hash=st.binary(min_size=32, max_size=32).map(bytes.hex),
    tier=st.sampled_from(Tier),
    size_bytes=st.integers(min_value=0),
    media_type=st.just("application/fits"),
    name=st.text(),
    origin=st.text(),
    derivation_key=st.text(),
    created_at=st.datetimes(timezones=st.just(UTC)),
    author=st.text(),
    details=st.dictionaries(st.text(), json_values, max_size=3),
    summaries=st.lists(st.dictionaries(st.text(), json_values, max_size=3), max_size=2).map(tuple),
)


@pytest.fixture
def store(tmp_path: Path) -> WrappedStore:
    return WrappedStore(local_store(tmp_path / "store"))


@pytest.fixture
def log(store: WrappedStore) -> RecordLog:
    return RecordLog(store, BUCKET)


def pack_file(tmp_path: Path, key: str) -> Path:
    return tmp_path / "store" / BUCKET / key


@given(records)
def test_a_record_comes_back_from_its_line_as_it_was(record: Record) -> None:
    line = record.to_line()
    again = Record.from_line(line)
    assert again == record
    assert again.to_line() == line
    assert b"\n" not in line


@given(records)
def test_a_line_is_canonical_json_and_its_id_names_the_event(record: Record) -> None:
    value = json.loads(record.to_line())
    assert record.to_line() == canonical_json(value)
    identity: list[Any] = [
        record.kind,
        record.content_hash,
        record.tier,
        record.origin or record.derivation_key,
    ]
    if record.kind in STATEMENTS:
        identity += [record.author, record.details, value["created_at"]]
    assert value["record_id"] == record.record_id == json_hash(identity)


@given(st.dictionaries(st.text(), json_values))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical_json(value) == canonical_json(turned)  # type: ignore[arg-type]  # st.text


def test_canonical_json_refuses_what_json_cannot_say() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"fwhm_px": float("nan")})


def test_the_same_event_twice_is_one_record() -> None:
    later = replace(
        INGEST,
        created_at=NOON + timedelta(hours=1),
        author="bob",
        name="other.fits",
        summaries=[{}],
    )
    assert later.record_id == INGEST.record_id


@pytest.mark.parametrize(
    "change",
    [
        {"content_hash": "cd" * 32},
        {"tier": Tier.ARTIFACTS},
        {"origin": "file:///elsewhere.fits"},
        {"kind": RecordKind.DERIVED},
    ],
)
def test_another_content_tier_origin_or_kind_is_another_record(change: dict[str, str]) -> None:
    assert replace(INGEST, **change).record_id != INGEST.record_id  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"author": "bob"},
        {"created_at": NOON + timedelta(seconds=1)},
        {"details": {"tag": "purpose", "value": "science"}},
    ],
)
def test_statements_of_people_count_who_when_and_what(change: dict[str, object]) -> None:
    assert replace(TAG, **change).record_id != TAG.record_id  # type: ignore[arg-type]


def test_a_statement_is_the_same_at_the_same_moment_in_another_time_zone() -> None:
    there = timezone(timedelta(hours=-7))
    assert replace(TAG, created_at=NOON.astimezone(there)).record_id == TAG.record_id


def test_a_later_format_version_is_refused_with_what_to_do() -> None:
    line = INGEST.to_line().replace(b'"format_version":1', b'"format_version":2')
    with pytest.raises(InvalidInputError, match="upgrade astrid-sdk") as refused:
        Record.from_line(line)
    assert refused.value.kind == "format_version"


def test_a_kind_of_a_later_release_is_refused_with_what_to_do() -> None:
    line = INGEST.to_line().replace(b'"ingest"', b'"of-tomorrow"')
    with pytest.raises(InvalidInputError, match="upgrade astrid-sdk"):
        Record.from_line(line)


def test_packs_hold_at_most_a_thousand_records_in_order(log: RecordLog) -> None:
    many = [replace(INGEST, origin=f"file:///{number}") for number in range(PACK_LINES + 1)]
    packs = log.append(many)
    assert [len(log.read(pack)) for pack in packs] == [PACK_LINES, 1]
    assert [record for pack in packs for record in log.read(pack)] == many
    assert log.packs() == sorted(packs)


def test_a_pack_that_fails_is_an_error_and_the_others_may_stay(store: WrappedStore) -> None:
    away = FlakyStore(store, [Failure(StorageUnavailableError("away"), skip=1)])
    many = [replace(INGEST, origin=f"file:///{number}") for number in range(2 * PACK_LINES)]
    with pytest.raises(StorageUnavailableError):
        RecordLog(away, BUCKET).append(many)
    packs = RecordLog(store, BUCKET).append(many)
    assert RecordLog(store, BUCKET).packs() == sorted(packs)


def test_records_that_are_known_to_be_written_are_not_written_again(
    log: RecordLog, store: WrappedStore
) -> None:
    keeper = RecordKeeper(log, SeenContents(), "here")
    other = replace(INGEST, origin="file:///other.fits")
    keeper.keep([(INGEST, True)])
    keeper.keep([(INGEST, False), (other, False)])
    keeper.keep([(INGEST, False), (other, False)])
    assert [log.read(pack) for pack in store.written] == [[INGEST], [other]]
    keeper.keep([(INGEST, True)])  # its blob was gone: nothing known before counts
    assert len(store.written) == 3


def test_no_records_are_no_pack(log: RecordLog) -> None:
    assert log.append([]) == []
    assert log.packs() == []


def test_a_pack_is_named_by_its_own_bytes(log: RecordLog, tmp_path: Path) -> None:
    (pack,) = log.append([INGEST])
    digest = sha256_hex(pack_file(tmp_path, pack).read_bytes())
    assert pack == f"_records/{digest[:2]}/{digest}.ndjson"


def test_a_corrupted_pack_is_refused_by_name(log: RecordLog, tmp_path: Path) -> None:
    (pack,) = log.append([INGEST])
    path = pack_file(tmp_path, pack)
    path.write_bytes(path.read_bytes().replace(b"2880", b"2881"))
    with pytest.raises(CorruptionError, match=pack):
        log.read(pack)


def test_what_a_file_manager_left_behind_is_no_pack(log: RecordLog, tmp_path: Path) -> None:
    (pack,) = log.append([INGEST])
    pack_file(tmp_path, "_records/.DS_Store").write_bytes(b"\0\0\0\1Bud1")
    assert log.packs() == [pack]
