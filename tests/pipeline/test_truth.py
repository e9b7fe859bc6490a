"""Promises of the truth table and of a night's score."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.pipeline.truth import (
    DetectedPosition,
    NightScore,
    TrueSource,
    read_truth,
    score_night,
    truth_to_csv,
)

FILE = "night1.fits"
NIGHT = "2024-04-05"
HEADING = "science_file,x,y,ra_deg,dec_deg,snr,kind\n"


def true(x: float, y: float, snr: float | None = 20.0, file: str = FILE) -> TrueSource:
    return TrueSource(file, x, y, None, None, snr, "field")


def seen(
    x: float, y: float, *, is_negative: bool = False, flags: int = 0, file: str = FILE
) -> DetectedPosition:
    return DetectedPosition(file, x, y, 9.0, is_negative, flags)


def all_good() -> dict[str, NDArray[np.bool_]]:
    return {FILE: np.ones((100, 200), dtype=np.bool_)}


def score(truth: list[TrueSource], detections: list[DetectedPosition]) -> NightScore:
    return score_night(truth, detections, all_good(), night=NIGHT)


def test_a_detection_exactly_two_and_a_half_pixels_away_finds_the_source() -> None:
    assert score([true(50.0, 50.0)], [seen(51.5, 52.0)]).found == 1


def test_a_detection_just_beyond_two_and_a_half_pixels_finds_nothing() -> None:
    result = score([true(50.0, 50.0)], [seen(52.5001, 50.0)])
    assert (result.found, result.missed) == (0, (true(50.0, 50.0),))


def test_a_detection_between_found_and_false_radius_is_neither() -> None:
    result = score([true(50.0, 50.0)], [seen(53.0, 50.0)])
    assert (result.found, result.false_positives) == (0, 0)


def test_a_detection_exactly_four_pixels_away_is_not_false() -> None:
    assert score([true(50.0, 50.0)], [seen(54.0, 50.0)]).false_positives == 0


def test_a_detection_just_beyond_four_pixels_is_false() -> None:
    result = score([true(50.0, 50.0)], [seen(54.0001, 50.0)])
    assert result.false_positives == 1
    assert result.false_detections == (seen(54.0001, 50.0),)


def test_of_two_detections_near_one_source_the_nearer_is_its_match_and_neither_is_false() -> None:
    result = score([true(50.0, 50.0)], [seen(52.0, 50.0), seen(50.5, 50.0)])
    assert [match.detection for match in result.matches] == [seen(50.5, 50.0)]
    assert (result.found, result.false_positives) == (1, 0)


def test_one_detection_between_two_sources_finds_only_the_nearer() -> None:
    result = score([true(50.0, 50.0), true(54.0, 50.0)], [seen(52.3, 50.0)])
    assert [match.truth for match in result.matches] == [true(54.0, 50.0)]
    assert result.missed == (true(50.0, 50.0),)


def test_a_nearer_pair_is_served_before_the_order_of_the_table() -> None:
    first, second = true(50.0, 50.0), true(53.0, 50.0)
    near_second, far = seen(52.4, 50.0), seen(48.0, 50.0)
    result = score([first, second], [near_second, far])
    assert {(m.truth, m.detection) for m in result.matches} == {(first, far), (second, near_second)}


def test_equally_distant_detections_give_one_match_the_same_every_time() -> None:
    result = score([true(50.0, 50.0)], [seen(51.0, 50.0), seen(49.0, 50.0)])
    assert [match.detection for match in result.matches] == [seen(51.0, 50.0)]


def test_a_match_says_its_distance() -> None:
    assert score([true(50.0, 50.0)], [seen(51.5, 52.0)]).matches[0].distance_px == 2.5


def test_a_flagged_positive_may_find_a_source_but_is_never_false() -> None:
    result = score([true(50.0, 50.0)], [seen(50.0, 50.0, flags=4), seen(90.0, 90.0, flags=4)])
    assert (result.found, result.false_positives) == (1, 0)


def test_negatives_find_nothing_and_are_counted_apart() -> None:
    negatives = [seen(50.0, 50.0, is_negative=True), seen(9.0, 9.0, is_negative=True, flags=1)]
    result = score([true(50.0, 50.0)], negatives)
    assert (result.found, result.false_positives, result.negatives) == (0, 0, 2)


def test_a_source_whose_nearest_pixel_is_masked_is_listed_apart() -> None:
    good = all_good()
    good[FILE][50, 60] = False
    hidden, beside = true(60.49, 49.5), true(60.5, 50.0)
    result = score_night([hidden, beside], [], good, night=NIGHT)
    assert (result.masked, result.missed, result.injected) == ((hidden,), (beside,), 1)


@pytest.mark.parametrize(("x", "y"), [(-0.6, 5.0), (199.5, 5.0), (5.0, 99.5), (5.0, -0.6)])
def test_a_source_outside_the_frame_is_listed_with_the_masked(x: float, y: float) -> None:
    result = score([true(x, y)], [])
    assert (result.masked, result.injected) == ((true(x, y),), 0)


@pytest.mark.parametrize(("x", "y"), [(-0.5, 0.0), (199.4, 99.4)])
def test_the_outermost_pixels_reach_to_their_edges(x: float, y: float) -> None:
    assert score([true(x, y)], []).injected == 1


def test_a_detection_of_a_masked_source_is_neither_found_nor_false() -> None:
    good = all_good()
    good[FILE][50, 50] = False
    result = score_night([true(50.0, 50.0)], [seen(51.0, 50.0)], good, night=NIGHT)
    assert (result.found, result.false_positives, len(result.masked)) == (0, 0, 1)


def test_a_masked_source_takes_no_detection_from_a_clear_one() -> None:
    good = all_good()
    good[FILE][50, 50] = False
    truth = [true(50.0, 50.0), true(52.0, 50.0)]
    result = score_night(truth, [seen(50.6, 50.0)], good, night=NIGHT)
    assert [match.truth for match in result.matches] == [true(52.0, 50.0)]


def test_megapixels_are_the_unmasked_pixels_of_all_files() -> None:
    good = {**all_good(), "night1b.fits": np.zeros((10, 10), dtype=np.bool_)}
    good[FILE][:50] = False
    good["night1b.fits"][0, :3] = True
    assert score_night([], [], good, night=NIGHT).megapixels == 10_003 / 1e6


def test_sources_of_snr_10_are_counted_from_exactly_10_and_only_where_known() -> None:
    truth = [true(10.0, 10.0, 10.0), true(30.0, 10.0, 9.99), true(50.0, 10.0, None)]
    result = score([*truth, true(70.0, 10.0, 30.0)], [seen(10.0, 10.0), seen(30.0, 10.0)])
    assert (result.injected, result.injected_snr10) == (4, 2)
    assert (result.found, result.found_snr10) == (2, 1)


def test_detections_match_only_sources_of_their_own_file() -> None:
    good = {**all_good(), "other.fits": np.ones((100, 200), dtype=np.bool_)}
    result = score_night([true(50.0, 50.0)], [seen(50.0, 50.0, file="other.fits")], good, night="n")
    assert (result.found, result.false_positives) == (0, 1)


def test_sources_of_other_nights_are_left_out() -> None:
    result = score([true(50.0, 50.0, file="night2.fits")], [])
    assert (result.injected, result.masked, result.missed) == (0, (), ())


def test_a_detection_in_a_file_without_good_pixels_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"night9\.fits") as caught:
        score([], [seen(1.0, 1.0, file="night9.fits")])
    assert caught.value.kind == "unknown_science_file"


def test_a_score_names_its_night() -> None:
    assert score([], []).night == NIGHT


def test_a_written_table_reads_back_the_same(tmp_path: Path) -> None:
    truth = [
        TrueSource("a.fits", 1.25, 2.5, 154.25, -8.4, 12.5, "host"),
        TrueSource("b,c.fits", 3.0, -0.5, None, None, None, "field"),
    ]
    (tmp_path / "truth.csv").write_text(truth_to_csv(truth))
    assert read_truth(tmp_path / "truth.csv") == truth


def test_columns_may_come_in_any_order_with_others_between(tmp_path: Path) -> None:
    text = "kind,note,snr,dec_deg,ra_deg,y,x,science_file\nhost,!,7,,,2,1,a.fits\n"
    (tmp_path / "truth.csv").write_text(text)
    assert read_truth(tmp_path / "truth.csv") == [TrueSource("a.fits", 1, 2, None, None, 7, "host")]


def test_a_table_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    text = "\ufeff" + HEADING.replace("\n", "\r\n") + "a.fits,1,2,,,,field\r\n"
    (tmp_path / "truth.csv").write_bytes(text.encode())
    assert read_truth(tmp_path / "truth.csv")[0].x == 1.0


def test_a_table_without_rows_has_no_sources(tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text(HEADING)
    assert read_truth(tmp_path / "truth.csv") == []


@pytest.mark.parametrize("text", ["", "science_file,x,ra_deg,dec_deg,kind\na.fits,1,2,3,host\n"])
def test_missing_columns_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "truth.csv").write_text(text)
    with pytest.raises(InvalidInputError, match=r"lacks the columns .*y.*snr"):
        read_truth(tmp_path / "truth.csv")


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("a.fits,one,2,,,7,host", "x"),
        ("a.fits,1,,,,7,host", "y"),
        ("a.fits,1,2,1h,,7,host", "ra_deg"),
        ("a.fits,1,2,,nan,7,host", "dec_deg"),
        ("a.fits,1,2,,,inf,host", "snr"),
        (",1,2,,,7,host", "science_file"),
        ("a.fits,1,2,,,7", "kind"),
    ],
)
def test_an_unusable_value_is_refused_by_line_and_column(
    tmp_path: Path, row: str, column: str
) -> None:
    (tmp_path / "truth.csv").write_text(f"{HEADING}a.fits,1,2,,,7,host\n{row}\n")
    with pytest.raises(InvalidInputError, match=f"line 3, column {column} ") as caught:
        read_truth(tmp_path / "truth.csv")
    assert caught.value.kind == "truth_table"


def test_a_table_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_bytes(b"\xff\xfe\x00\x9c")
    with pytest.raises(InvalidInputError, match="not UTF-8"):
        read_truth(tmp_path / "truth.csv")
