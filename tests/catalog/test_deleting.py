"""What deleting and restoring promise."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from skies import Shot

import astrid_sdk
from astrid_sdk.catalog.search.finding import Query, find
from astrid_sdk.config import child_environment
from astrid_sdk.connecting import LOCAL_BUCKET
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.errors import InvalidInputError, NeededError, NotFoundError
from astrid_sdk.rendering import TierTotals
from astrid_sdk.session import AstridSession
from astrid_sdk.storage.records import RecordKind
from astrid_sdk.tiers import Tier

MEDIA = "text/plain"
RAW = Tier.RAW_OBSERVATIONS


@pytest.fixture
def astrid(tmp_path: Path) -> AstridSession:
    return astrid_sdk.connect(tmp_path / "store")


@pytest.fixture
def other(tmp_path: Path, astrid: AstridSession) -> AstridSession:
    """Another machine on the same store: it has verified nothing and knows nothing."""
    return AstridSession(astrid.r2, LOCAL_BUCKET, tmp_path / "elsewhere")


def stored(session: AstridSession, text: bytes = b"sky", tier: Tier = RAW) -> str:
    return session.cas.store_data(text, MEDIA, tier=tier, name=text.decode())


def names(session: AstridSession, **conditions: Any) -> list[str]:
    return [row.name for row in session.find(**conditions)]


def shout(inputs: Any) -> bytes:
    return bytes(inputs.read("text")).upper()


def test_what_was_deleted_is_not_found_and_its_bytes_stay(astrid: AstridSession) -> None:
    content, kept = stored(astrid), stored(astrid, b"kept")
    deletion = astrid.delete(content[:12], reason="not ours")
    assert (deletion.content_hash, deletion.tiers) == (content, (RAW.value,))
    assert names(astrid) == ["kept"]
    assert astrid.content_hashes() == [kept]
    assert astrid.totals() == {RAW: TierTotals(1, 4)}
    with pytest.raises(NotFoundError, match="was deleted: restore it"):
        astrid.save(content)
    assert astrid.cas.retrieve_data(content) == b"sky"


def test_another_session_sees_the_deletion(astrid: AstridSession, other: AstridSession) -> None:
    content = stored(astrid)
    assert names(other) == ["sky"]
    astrid.delete(content, reason="not ours")
    assert names(other) == []


def test_why_and_impact_show_it_as_deleted(astrid: AstridSession) -> None:
    content = stored(astrid)
    step = astrid.step(shout)
    loud = step({"text": content}).outputs[0].content_hash
    astrid.delete(content, reason="not ours")
    assert [node.name for node in astrid.why(loud).deleted()] == ["sky"]
    assert "Deleted by now: sky@" in astrid.why(loud).words()
    assert "DELETED" in str(astrid.impact(content[:10]))
    assert "It was deleted" in astrid.impact(content).words()


def test_a_restore_brings_it_back(astrid: AstridSession) -> None:
    content = stored(astrid)
    astrid.delete(content, reason="not ours")
    assert astrid.restore(content[:8]) == (RAW,)
    assert names(astrid) == ["sky"]
    assert not astrid.why(content).deleted()
    with pytest.raises(NotFoundError, match="nothing deleted"):
        astrid.restore(content)


def test_it_can_be_deleted_and_restored_again_and_again(astrid: AstridSession) -> None:
    content = stored(astrid)
    for _ in range(3):
        astrid.delete(content, reason="no")
        assert names(astrid) == []
        astrid.restore(content)
        assert names(astrid) == ["sky"]
        astrid.delete(content, reason="no")
        stored(astrid)
        assert names(astrid) == ["sky"]


def test_storing_it_again_makes_it_visible_wherever_it_is_stored(
    astrid: AstridSession, other: AstridSession
) -> None:
    content = stored(astrid)
    for session in (astrid, other):
        astrid.delete(content, reason="no")
        stored(session)
        assert (names(astrid), names(other)) == (["sky"], ["sky"])


def test_ingesting_it_again_makes_it_visible(astrid: AstridSession, tmp_path: Path) -> None:
    Shot(size_px=64).write(tmp_path / "night" / "a.fits")
    (file,) = astrid.ingest(tmp_path / "night").stored
    astrid.delete(file.content_hash, reason="no")
    assert names(astrid) == []
    again = astrid.ingest(tmp_path / "night")
    assert len(again.stored) + len(again.already_there) == 1
    assert len(names(astrid)) == 1


def test_making_it_again_makes_it_visible(astrid: AstridSession) -> None:
    content = stored(astrid)
    step = astrid.step(shout)
    loud = step({"text": content}).outputs[0].content_hash
    astrid.delete(loud, reason="no")
    assert names(astrid) == ["sky"]
    assert step({"text": content}).reused
    assert len(names(astrid)) == 2


def test_one_tier_can_be_deleted_alone(astrid: AstridSession) -> None:
    content = stored(astrid)
    stored(astrid, tier=Tier.ARTIFACTS)
    assert astrid.delete(content, tier="artifacts", reason="a copy").tiers == ("artifacts",)
    assert [row.tier for row in astrid.find()] == [RAW]
    with pytest.raises(NotFoundError, match="is not in artifacts, but in raw-observations"):
        astrid.delete(content, tier="artifacts", reason="a copy")
    assert not astrid.impact(content).deleted()


def test_a_search_as_of_a_moment_before_finds_it_and_right_then_not(astrid: AstridSession) -> None:
    content = stored(astrid)
    when = astrid.delete(content, reason="no").deleted_at
    before = when - timedelta(microseconds=1)
    assert names(astrid, as_of=before) == ["sky"]
    assert names(astrid, as_of=when) == []
    astrid.restore(content)
    assert names(astrid, as_of=when) == []
    assert names(astrid) == ["sky"]


def test_what_a_dataset_version_needs_is_deleted_only_with_force(astrid: AstridSession) -> None:
    content = stored(astrid)
    file = DatasetFile(content, "sky.txt", RAW, "text")
    version = astrid.datasets.commit(DatasetManifest("sn-train", (file,)), "first").version
    for needed in (content, version.manifest_hash):
        with pytest.raises(NeededError, match="is needed by sn-train v1") as caught:
            astrid.delete(needed, reason="no")
        assert caught.value.needed_by == ("sn-train v1",)
    assert "sky" in names(astrid)
    assert astrid.delete(content, reason="no", force=True).needed_by == ("sn-train v1",)
    assert "sky" not in names(astrid)


def test_a_copy_in_another_tier_keeps_what_a_version_needs(astrid: AstridSession) -> None:
    content = stored(astrid)
    stored(astrid, tier=Tier.ARTIFACTS)
    file = DatasetFile(content, "sky.txt", RAW, "text")
    astrid.datasets.commit(DatasetManifest("sn-train", (file,)), "first")
    assert astrid.delete(content, tier=Tier.ARTIFACTS, reason="a copy").needed_by == ()


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_deletion_has_a_reason(astrid: AstridSession, reason: str) -> None:
    with pytest.raises(InvalidInputError, match="needs a reason"):
        astrid.delete(stored(astrid), reason=reason)


def test_a_catalogue_made_again_has_the_same_deletions(astrid: AstridSession) -> None:
    gone, back = stored(astrid, b"gone"), stored(astrid, b"back")
    for content in (gone, back):
        astrid.delete(content, reason="no")
    astrid.restore(back)
    astrid.catalog.rebuild()
    assert names(astrid) == ["back"]
    shutil.rmtree(astrid.home / LOCAL_BUCKET / "_catalog")
    assert names(astrid_sdk.connect(astrid.home)) == ["back"]


def test_a_record_told_later_than_the_deletion_counts_without_a_restore(
    astrid: AstridSession,
) -> None:
    """As of a store that was away: what waited meanwhile comes with its own time."""
    content = stored(astrid)
    (told,) = (
        record
        for pack in astrid._records.packs()
        for record in astrid._records.read(pack)
        if record.kind == RecordKind.INGEST
    )
    when = astrid.delete(content, reason="no").deleted_at
    early, late = (
        told.__class__(
            kind=told.kind,
            content_hash=told.content_hash,
            tier=told.tier,
            size_bytes=told.size_bytes,
            media_type=told.media_type,
            name=told.name,
            origin=told.origin,
            created_at=when + timedelta(microseconds=shift),
        )
        for shift in (-1, 1)
    )
    astrid._records.append([early])
    assert names(astrid) == []
    astrid._records.append([late])
    assert names(astrid) == ["sky"]


def test_a_crash_between_marker_and_record_deletes_nothing(astrid: AstridSession) -> None:
    content = stored(astrid)
    astrid.delete(content, reason="no")
    astrid.restore(content)
    (marker,) = astrid.r2.list_files(astrid.bucket, "_tombstones/")
    orphan = marker.replace(marker[-69:-5], "0" * 64)
    astrid.r2.upload_file(astrid.bucket, orphan, b"{}", "application/json")
    assert names(astrid) == ["sky"]
    stored(astrid)
    assert names(astrid) == ["sky"]


def test_a_deletion_beside_stores_in_other_processes_leaves_nothing_half(
    astrid: AstridSession, tmp_path: Path
) -> None:
    """Each process ends with a store or a deletion; whichever was later, all agree."""
    content = stored(astrid)
    code = (
        "import sys, astrid_sdk\n"
        "astrid = astrid_sdk.connect(sys.argv[1])\n"
        "for _ in range(4):\n"
        "    if sys.argv[2] == 'store':\n"
        "        astrid.cas.store_data(b'sky', 'text/plain', tier='raw-observations', name='sky')\n"
        "    elif astrid.find():\n"
        "        try:\n"
        "            astrid.delete(sys.argv[3], reason='no')\n"
        "        except astrid_sdk.NotFoundError:\n"
        "            pass\n"
        "astrid.close()\n"
    )
    root = str(Path(__file__).parents[2])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "store"), what, content],
            env=child_environment({"PYTHONPATH": root}),
        )
        for what in ("store", "delete", "store", "delete")
    ]
    assert [process.wait() for process in processes] == [0] * 4
    found = names(astrid)
    astrid.catalog.rebuild()
    assert names(astrid) == found == names(astrid_sdk.connect(tmp_path / "store"))
    assert find(astrid.catalog, Query()).total == len(found) <= 1


@pytest.mark.parametrize("call", [AstridSession.restore, AstridSession.why])
def test_an_unknown_hash_is_said_to_be_unknown(
    astrid: AstridSession, call: Callable[[AstridSession, str], object]
) -> None:
    with pytest.raises(NotFoundError):
        call(astrid, "ab" * 32)
