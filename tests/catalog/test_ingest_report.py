"""What a report says of files, in a text, in a notebook and as a data frame."""

import pytest

from astrid_sdk.catalog.ingest.report import IngestedFile, IngestReport, SkippedFile

HASH = "0123456789abcdef" * 4
TOLD = {"night": "2024-04-05", "filter_band": "r", "object_name": "<m31>", "observation_id": "o1"}


def file(name: str, *, is_spooled: bool = False, size_bytes: int = 2048) -> IngestedFile:
    return IngestedFile(name, HASH, [TOLD], size_bytes, is_spooled)


@pytest.fixture
def report() -> IngestReport:
    biases = [
        SkippedFile(f"bias/{n:04}.fits", f"bias/{n:04}.fits is a bias frame") for n in range(3000)
    ]
    cut = [SkippedFile(f"{n}.fits", f"{n}.fits is truncated: {n} bytes there") for n in (7, 11)]
    return IngestReport(
        (file("a.fits"), file("b.fits", is_spooled=True)), (file("c.fits"),), (*biases, *cut), 2.5
    )


def test_the_first_line_has_the_counts_and_what_waits(report: IngestReport) -> None:
    assert str(report).splitlines()[0] == (
        "2 stored, 1 already there, 3002 skipped: 4.0 KiB in 2.5 s, 1 night, 1 observation; "
        "1 wait here until the store is back: astrid.sync()"
    )


def test_thousands_of_alike_skips_are_one_line_and_few_are_a_line_each(
    report: IngestReport,
) -> None:
    assert str(report).splitlines()[1:] == [
        "  skipped 3,000 files, such as bias/0000.fits: bias/0000.fits is a bias frame",
        "  skipped 7.fits: 7.fits is truncated: 7 bytes there",
        "  skipped 11.fits: 11.fits is truncated: 11 bytes there",
    ]


def test_the_page_is_short_and_escaped(report: IngestReport) -> None:
    page = report._repr_mimebundle_()["text/html"]
    assert page.count("<tr>") < 10
    assert "&lt;m31&gt;" in page
    assert "<m31>" not in page
    assert "3,000" in page


def test_a_page_of_many_files_shows_some_and_says_how_many_more() -> None:
    page = IngestReport(tuple(file(f"{n}.fits") for n in range(500)))._repr_mimebundle_()
    assert page["text/html"].count("<tr>") == 21
    assert "480 more" in page["text/html"]


def test_a_data_frame_has_a_row_for_each_file_and_each_skip(report: IngestReport) -> None:
    frame = report.to_pandas()
    assert len(frame) == 3005
    assert frame["outcome"].value_counts().to_dict() == {
        "skipped": 3002,
        "stored": 1,
        "waits": 1,
        "already there": 1,
    }
    assert list(frame["night"][:3]) == ["2024-04-05"] * 3
    assert frame["reason"].iloc[-1] == "11.fits is truncated: 11 bytes there"


def test_a_report_of_nothing_shows_itself() -> None:
    assert str(IngestReport()).startswith("0 stored, 0 already there, 0 skipped")
    assert len(IngestReport().to_pandas()) == 0
    assert (IngestReport().nights, IngestReport().observations) == ([], [])


def test_the_object_shows_the_first_ten_skips_with_their_reasons() -> None:
    skips = tuple(SkippedFile(f"{letter}.fits", f"of kind {letter}") for letter in "abcdefghijklm")
    shown = IngestReport(skipped=skips)
    lines = repr(shown).splitlines()
    assert lines[0] == str(shown).splitlines()[0]
    assert lines[1:11] == [f"  skipped {letter}.fits: of kind {letter}" for letter in "abcdefghij"]
    assert lines[11:] == ["  and 3 more: .to_pandas()"]
    page = shown._repr_mimebundle_()["text/html"]
    assert "<td>j.fits</td><td>of kind j</td>" in page
    assert "k.fits" not in page
    assert "and 3 more" in page


def test_skips_with_one_reason_are_named_each_in_the_page() -> None:
    skips = tuple(SkippedFile(f"{n}.fits", f"{n}.fits is a bias frame") for n in range(5))
    page = IngestReport(skipped=skips)._repr_mimebundle_()["text/html"]
    assert all(f"<td>{n}.fits</td>" in page for n in range(5))


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "1 file is not called like a FITS file and was passed over"),
        (1200, "1,200 files are not called like FITS files and were passed over"),
    ],
)
def test_files_that_were_passed_over_are_counted(count: int, said: str) -> None:
    report = IngestReport((file("a.fits"),), passed_over=count)
    assert str(report).splitlines()[-1] == f"  {said}"
    assert f"<p>{said}</p>" in report._repr_mimebundle_()["text/html"]


def warned(name: str, *warnings: str) -> IngestedFile:
    return IngestedFile(name, HASH, [{**TOLD, "warnings": list(warnings)}] * 2, 1)


def test_warnings_are_counted_by_file_and_alike_ones_are_one() -> None:
    files = [warned(f"{n}.fits", f"DATE-OBS = {n} is no date", "<b>") for n in range(3)]
    report = IngestReport((*files, warned("x.fits", "<b>"), file("y.fits")))
    assert str(report).splitlines()[1:] == [
        "  4 files have warnings:",
        "    4 x <b> (0.fits, 1.fits, 2.fits and 1 more)",
        "    3 x DATE-OBS = 0 is no date (0.fits, 1.fits, 2.fits)",
    ]
    page = report._repr_mimebundle_()["text/html"]
    assert "<th>4 files have warnings</th>" in page
    assert "<td>4</td><td>&lt;b&gt;</td><td>0.fits, 1.fits, 2.fits and 1 more</td>" in page


def test_of_many_warnings_the_first_five_are_shown() -> None:
    report = IngestReport((warned("a.fits", *(f"card {letter}" for letter in "abcdefg")),))
    lines = str(report).splitlines()[1:]
    assert lines[0] == "  1 file has warnings:"
    assert lines[1:6] == [f"    1 x card {letter} (a.fits)" for letter in "abcde"]
    assert lines[6:] == ["    and 2 other warnings"]


def test_without_warnings_nothing_is_said_of_them(report: IngestReport) -> None:
    assert "warning" not in str(report) + report._repr_mimebundle_()["text/html"]
