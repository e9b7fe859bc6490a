"""What `astrid pairs` shows."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from catalog.test_observations import NOON, exposure  # the exposures that its tests use
from cli.terminal import astrid, mistake

import astrid_sdk
from astrid_sdk.storage.records import RecordLog


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a store with two exposures of one field, ten days apart, and one of another."""
    with astrid_sdk.connect(tmp_path / "store") as session:
        frames = [*exposure(1, 0.0), *exposure(2, 10.0, object_name="M 31")]
        frames += exposure(3, 20.0, ra_deg=200.0)
        RecordLog(session.r2, session.bucket).append(
            [replace(record, created_at=NOON + timedelta(days=30)) for record in frames]
        )
    return tmp_path / "store"


def test_pairs_are_a_line_each_with_what_was_left_out_below(store: Path) -> None:
    answer = astrid("pairs", "--store", store)
    head, pair, count, guard, *left_out = answer.out.splitlines()
    assert answer.code == 0
    assert head.split()[:2] == ["science", "reference"]
    assert pair.split()[0].startswith("2_i.fits@")
    assert pair.split()[1].startswith("1_i.fits@")
    assert (count, guard) == (
        "1 pair",
        "template guard: not checked, no known transients were given",
    )
    assert len(left_out) == 2
    assert astrid("pairs", "m31", "--reference", "after", "--store", store).out[:7] == "0 pairs"


def test_a_known_transient_in_the_reference_is_a_warning(store: Path) -> None:
    known = store.parent / "known.csv"
    known.write_text("name,ra,dec,first_light\nSN 2024abc,150.0,2.0,2024-04-01\n")
    said = astrid("pairs", "--transients", known, "--store", store).out
    assert "  warning: the reference was taken 4.5 days after first light of SN 2024abc" in said
    assert "1 known transient checked, 1 pair contaminated" in said
    asked = ("--transients", known, "--exclude-contaminated", "--store", store)
    assert astrid("pairs", *asked).out.startswith("0 pairs")


def test_a_mistake_is_one_line(store: Path) -> None:
    assert "none were given" in mistake("pairs", "--exclude-contaminated", "--store", store)
    assert "cone" in mistake("pairs", "--cone", "10", "95", "1", "--store", store)
