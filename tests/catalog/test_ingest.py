"""What taking in files promises."""

import os
from pathlib import Path

import pytest
from skies import Shot
from stores import BUCKET, Bench, CrashingStore, WrappedStore, local_store

from astrid_sdk.catalog.ingest.gathering import fits_files_below
from astrid_sdk.catalog.ingest.ingest import Ingest
from astrid_sdk.catalog.ingest.look import Look, look_into
from astrid_sdk.catalog.ingest.report import IngestReport
from astrid_sdk.catalog.search.finding import Query, find
from astrid_sdk.errors import InvalidInputError, QuotaExceededError, StorageUnavailableError
from astrid_sdk.storage.content_addressed_storage import blob_key
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.seen import SeenContents
from astrid_sdk.testing.stores import Failure, FlakyStore
from astrid_sdk.tiers import Tier

SMALL = 32


@pytest.fixture
def nights(tmp_path: Path) -> Path:
    """A folder with two nights, a frame each."""
    Shot(size_px=SMALL).write(tmp_path / "nights" / "one" / "a.fits")
    Shot(night="2024-04-06", size_px=SMALL).write(tmp_path / "nights" / "two" / "a.fit")
    return tmp_path / "nights"


def ingest(bench: Bench, folder: Path, purpose: str = "science") -> IngestReport:
    take = Ingest(bench.cas, bench.catalog)
    return take(fits_files_below(folder), purpose=purpose)


def purposes(bench: Bench) -> dict[str, str | None]:
    return {row.name: row.purpose for row in find(bench.catalog, Query())}


def test_files_are_stored_as_they_are_and_found_by_what_their_headers_say(
    bench: Bench, nights: Path
) -> None:
    report = ingest(bench, nights)
    assert [file.name for file in report.stored] == ["one/a.fits", "two/a.fit"]
    assert report.nights == ["2024-04-05", "2024-04-06"]
    (row,) = find(bench.catalog, Query(night="2024-04-06"))
    assert row.content_hash == report.stored[1].content_hash
    assert (row.tier, row.filter_band, row.instrument) == ("raw-observations", "r", "testcam")
    assert row.origin == (nights / "two" / "a.fit").as_uri()
    stored = bench.cas.retrieve_data(row.content_hash, tier=Tier.RAW_OBSERVATIONS)
    assert stored == (nights / "two" / "a.fit").read_bytes()


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> SeenContents:
    """What this machine has read; files that were written a moment ago count as settled."""
    monkeypatch.setattr("astrid_sdk.storage.seen.RACY_NS", 0)
    return SeenContents()


def test_ingesting_again_writes_nothing_and_reads_no_file(
    store: LocalStorageClient, nights: Path, seen: SeenContents, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ingest(Bench(store, seen=seen), nights)
    monkeypatch.setattr("astrid_sdk.catalog.ingest.looking.look_into", None)  # whoever looks, fails
    monkeypatch.setattr("astrid_sdk.storage.bulk_items.read_blob", None)
    watched = WrappedStore(store)
    report = ingest(Bench(watched, seen=seen), nights)
    assert (len(report.stored), report.already_there) == (0, first.stored)
    assert watched.written == []


def test_a_rerun_reads_again_only_what_changed(
    store: LocalStorageClient, nights: Path, seen: SeenContents, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(Bench(store, seen=seen), nights)
    Shot(noise_seed=9, size_px=SMALL).write(nights / "one" / "a.fits")
    looked: list[str] = []

    def look(name: str, path: Path) -> Look:
        looked.append(name)
        return look_into(name, path)

    monkeypatch.setattr("astrid_sdk.catalog.ingest.looking.look_into", look)
    report = ingest(Bench(store, seen=seen), nights)
    assert looked == ["one/a.fits"]
    assert [file.name for file in report.stored] == ["one/a.fits"]
    assert [file.name for file in report.already_there] == ["two/a.fit"]


def test_a_blob_that_went_missing_is_stored_again(
    store: LocalStorageClient, nights: Path, seen: SeenContents
) -> None:
    (file, _) = ingest(Bench(store, seen=seen), nights).stored
    key = blob_key(file.content_hash, Tier.RAW_OBSERVATIONS)
    store.delete_file(BUCKET, key)
    ingest(Bench(store, seen=seen), nights)
    assert store.head(BUCKET, key) is not None


def test_what_another_store_holds_is_not_taken_for_known(
    store: LocalStorageClient, nights: Path, seen: SeenContents, tmp_path: Path
) -> None:
    ingest(Bench(store, seen=seen), nights)
    other = Bench(local_store(tmp_path / "other"), seen=seen)
    assert len(ingest(other, nights).stored) == 2
    assert len(find(other.catalog, Query())) == 2


def test_a_file_that_changes_while_it_is_read_is_skipped_and_nothing_of_it_is_told(
    bench: Bench, nights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    growing = nights / "one" / "a.fits"

    def look(name: str, path: Path) -> Look:
        found = look_into(name, path)
        if path == growing:
            growing.write_bytes(growing.read_bytes() + bytes(2880))
        return found

    monkeypatch.setattr("astrid_sdk.catalog.ingest.looking.look_into", look)
    report = ingest(bench, nights)
    assert [file.name for file in report.stored] == ["two/a.fit"]
    (skip,) = report.skipped
    assert "changed while it was read" in skip.reason
    assert len(find(bench.catalog, Query())) == 1


def test_the_same_bytes_under_two_names_are_stored_once_and_both_are_reported(
    bench: Bench, nights: Path
) -> None:
    (nights / "two" / "copy.fits").write_bytes((nights / "one" / "a.fits").read_bytes())
    report = ingest(bench, nights)
    assert [file.name for file in report.already_there] == ["two/copy.fits"]
    assert len(find(bench.catalog, Query())) == 2
    assert len(report.files) == 3


def test_what_cannot_be_used_is_named_with_its_reason_and_the_rest_is_stored(
    bench: Bench, nights: Path
) -> None:
    whole = (nights / "one" / "a.fits").read_bytes()
    (nights / "cut.fits").write_bytes(whole[:4000])
    (nights / "empty.fits").write_bytes(b"")
    (nights / "text.fits").write_bytes(b"not a FITS file" * 400)
    (nights / "gone.fits").symlink_to(nights / "nowhere")
    (nights / "notes.txt").write_text("no FITS name, no word")
    report = ingest(bench, nights)
    assert len(report.stored) == 2
    reasons = {skip.name: skip.reason for skip in report.skipped}
    assert list(reasons) == ["cut.fits", "empty.fits", "gone.fits", "text.fits"]
    assert "No such file" in reasons["gone.fits"]
    assert all(reasons.values())
    head, first, *_ = str(report).splitlines()
    assert head.startswith("2 stored, 0 already there, 4 skipped")
    assert first.startswith("  skipped cut.fits: ")


def test_a_file_without_rights_is_named(bench: Bench, nights: Path) -> None:
    locked, closed = nights / "one" / "a.fits", nights / "two"
    locked.chmod(0)
    closed.chmod(0)
    if os.access(locked, os.R_OK):
        pytest.skip("this user may read everything")
    report = ingest(bench, nights)
    closed.chmod(0o700)
    assert [skip.name for skip in report.skipped] == ["one/a.fits", "two"]
    assert "Permission denied" in report.skipped[0].reason


def test_odd_names_are_kept(bench: Bench, nights: Path) -> None:
    name = "Abell 85 & <é 星>.FITS"
    Shot(noise_seed=5, size_px=SMALL).write(nights / name)
    assert name in [file.name for file in ingest(bench, nights).stored]
    (row,) = find(bench.catalog, Query(name="*星*"))
    assert row.name == name


def test_a_name_that_is_no_text_is_made_readable(bench: Bench, nights: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(nights) + b"/m\xff31.fits")).write_bytes(
            Shot(noise_seed=6, size_px=SMALL).to_bytes()
        )
    except OSError:
        pytest.skip("this file system refuses such names")
    assert "m\ufffd31.fits" in [file.name for file in ingest(bench, nights).stored]
    (row,) = find(bench.catalog, Query(name="m?31.fits"))
    assert row.origin.endswith("m%FF31.fits")


def test_nothing_there_or_no_fits_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no file or folder"):
        fits_files_below(tmp_path / "absent")
    (tmp_path / "readme.txt").write_text("")
    with pytest.raises(InvalidInputError, match="no FITS file"):
        fits_files_below(tmp_path)


def test_files_come_in_the_order_of_their_names(nights: Path) -> None:
    names = [name for name, _ in fits_files_below(nights)]
    assert names == sorted(names) == ["one/a.fits", "two/a.fit"]


def test_frames_for_templates_are_told_from_science_frames(bench: Bench, nights: Path) -> None:
    ingest(bench, nights / "one", "reference")
    ingest(bench, nights / "two")
    assert purposes(bench) == {"a.fits": "reference", "a.fit": "science"}


def test_frames_that_are_there_can_be_made_references_and_no_default_takes_that_back(
    bench: Bench, nights: Path
) -> None:
    ingest(bench, nights)
    ingest(bench, nights / "one", "reference")
    assert purposes(bench)["one/a.fits"] == "reference"
    ingest(bench, nights)
    assert purposes(bench) == {"one/a.fits": "reference", "two/a.fit": "science"}


def test_an_unknown_purpose_is_refused(bench: Bench, nights: Path) -> None:
    with pytest.raises(InvalidInputError, match="'science' or 'reference'"):
        ingest(bench, nights, "flat")


def test_progress_goes_from_none_to_all_and_names_each_file(bench: Bench, nights: Path) -> None:
    told: list[tuple[int, int, str]] = []
    take = Ingest(bench.cas, bench.catalog)
    take(fits_files_below(nights), progress=lambda *step: told.append(step))
    assert (told[0], told[-1]) == ((0, 2, "one/a.fits"), (2, 2, ""))
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert {name for _, _, name in told} == {"one/a.fits", "two/a.fit", ""}


@pytest.mark.parametrize("tier", ["temp", "models", "detections", "artifacts"])
def test_a_tier_without_observations_is_refused(bench: Bench, nights: Path, tier: str) -> None:
    take = Ingest(bench.cas, bench.catalog)
    with pytest.raises(InvalidInputError, match=f"{tier} holds no observations as they came"):
        take(fits_files_below(nights), tier=tier)


def test_processed_observations_of_others_go_into_their_tier(bench: Bench, nights: Path) -> None:
    take = Ingest(bench.cas, bench.catalog)
    take(fits_files_below(nights / "one"), tier="processed-observations")
    take(fits_files_below(nights / "two"))
    assert {row.name: row.tier for row in find(bench.catalog, Query())} == {
        "a.fits": "processed-observations",
        "a.fit": "raw-observations",
    }


def test_a_run_writes_one_pack_and_one_commit_a_table(
    store: LocalStorageClient, nights: Path
) -> None:
    watched = WrappedStore(store)
    ingest(Bench(watched), nights, "reference")
    assert [key.split("/")[0] for key in watched.written] == [*2 * ["raw-observations"], "_records"]


def test_a_store_that_takes_no_more_is_an_error_that_says_how_to_go_on(
    store: LocalStorageClient, nights: Path
) -> None:
    full = FlakyStore(store, [Failure(QuotaExceededError("full"), verbs={"put"}, times=None)])
    with pytest.raises(QuotaExceededError, match="full; 0 files were dealt with before"):
        ingest(Bench(full), nights)


@pytest.mark.parametrize("writes", range(4))
def test_a_stopped_run_is_completed_by_the_next(
    store: LocalStorageClient, nights: Path, writes: int
) -> None:
    # three writes in all: two blobs, one pack
    try:
        ingest(Bench(CrashingStore(store, writes)), nights, "reference")
    except StorageUnavailableError:
        assert writes < 3
        assert len(find(Bench(store).catalog, Query())) == 0  # nothing was acknowledged
    ingest(Bench(store), nights, "reference")
    rows = list(find(Bench(store).catalog, Query(purpose="reference")))
    assert [row.name for row in rows] == ["one/a.fits", "two/a.fit"]
    for row in rows:
        assert store.head(BUCKET, blob_key(row.content_hash, Tier.RAW_OBSERVATIONS)) is not None


def test_what_a_killed_run_had_in_a_batch_is_seen_by_the_next_search(
    bench: Bench, nights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The catalogue has one commit for all batches, and none in a run that was killed."""
    monkeypatch.setattr("astrid_sdk.catalog.ingest.ingest.PACK_LINES", 1)

    def killed(_done: int, _of: int, name: str) -> None:
        if name == "two/a.fit":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Ingest(bench.cas, bench.catalog)(fits_files_below(nights), progress=killed)
    other = Bench(bench.storage)
    status = other.catalog.status()
    assert (status.packs, status.indexed_packs) == (1, 0)
    assert [row.name for row in find(other.catalog, Query())] == ["one/a.fits"]


def test_an_observation_that_only_changed_its_path_is_known_by_both(
    bench: Bench, nights: Path
) -> None:
    ingest(bench, nights)
    moved = nights.rename(nights.with_name("moved"))
    report = ingest(bench, moved)
    assert (len(report.stored), len(report.already_there)) == (0, 2)
    records = bench.catalog.records().to_pylist()
    assert len({record["record_id"] for record in records}) == 4
