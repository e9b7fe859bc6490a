"""What fetching contents of several tiers promises."""

from pathlib import Path

import pytest

from astrid_sdk.datasets.fetching import Wanted, fetch
from astrid_sdk.errors import NotFoundError
from astrid_sdk.session import AstridSession

TIERS = ("detections", "datasets", "artifacts")


@pytest.fixture
def wanted(astrid: AstridSession) -> list[Wanted]:
    return [
        Wanted(astrid.cas.store_data(tier.encode(), "text/plain", tier=tier), f"in/{tier}", tier)
        for tier in TIERS
    ]


def test_all_tiers_are_counted_as_one(
    astrid: AstridSession, wanted: list[Wanted], tmp_path: Path
) -> None:
    told: list[tuple[int, int, str]] = []
    fetch(astrid.cas, wanted, tmp_path, lambda *step: told.append(step), done=2)
    assert told == [(3, 5, "detections"), (4, 5, "datasets"), (5, 5, "artifacts")]
    assert [(tmp_path / each.path).read_text() for each in wanted] == list(TIERS)


def test_what_is_missing_in_one_tier_keeps_no_other_from_coming(
    astrid: AstridSession, wanted: list[Wanted], tmp_path: Path
) -> None:
    absent = Wanted("ab" * 32, "in/absent", TIERS[0])
    with pytest.raises(NotFoundError):
        fetch(astrid.cas, [absent, *wanted], tmp_path, None)
    assert [(tmp_path / each.path).read_text() for each in wanted] == list(TIERS)


def test_a_content_is_found_where_no_tier_is_said(
    astrid: AstridSession, wanted: list[Wanted], tmp_path: Path
) -> None:
    fetch(astrid.cas, [wanted[1]._replace(tier="")], tmp_path, None)
    assert (tmp_path / wanted[1].path).read_text() == TIERS[1]
