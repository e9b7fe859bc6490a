"""Which files are meant by what a person names."""

import os
from pathlib import Path
from typing import Any

import pytest

from astrid_sdk.catalog.ingest.gathering import gather
from astrid_sdk.errors import InvalidInputError


@pytest.fixture
def nights(tmp_path: Path) -> Path:
    """Nights with files of all endings, and some that are none."""
    folder = tmp_path / "nights"
    for name in (
        "n1/a.fits",
        "n1/b.fits.gz",
        "n1/deep/c.FIT",
        "n2/d.fts.fz",
        "n2/e.img",
        "f.img.gz",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for name in ("n1/notes.txt", "n1/.hidden.fits", ".trash/old.fits"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return folder


def names(*sources: str | Path) -> list[str]:
    return [name for name, _ in gather(sources)]


ALL = ["f.img.gz", "n1/a.fits", "n1/b.fits.gz", "n1/deep/c.FIT", "n2/d.fts.fz", "n2/e.img"]


def test_a_folder_means_all_fits_files_below_it_but_what_is_hidden(nights: Path) -> None:
    assert names(nights) == ALL


def test_a_file_is_meant_whatever_it_is_called(nights: Path) -> None:
    assert gather(nights / "n1" / "notes.txt") == [("notes.txt", nights / "n1" / "notes.txt")]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("**/*.fits.gz", ["n1/b.fits.gz"]),
        ("n1/*", ["a.fits", "b.fits.gz", "deep/c.FIT"]),
        ("n*/*.fits", ["n1/a.fits"]),
        ("n?", ALL[1:]),
        ("**", ALL),
        ("**/*", ALL),
        ("*/deep/**/*.FIT", ["n1/deep/c.FIT"]),
        ("[fg].img.*", ["f.img.gz"]),
    ],
)
def test_a_pattern_means_what_matches_with_names_from_its_fixed_part(
    nights: Path, pattern: str, found: list[str]
) -> None:
    assert names(f"{nights}/{pattern}") == found


def test_names_start_behind_the_last_fixed_folder_of_a_pattern(nights: Path) -> None:
    assert names(f"{nights}/n1/**/*.FIT") == ["deep/c.FIT"]


def test_a_relative_pattern_is_meant_from_here(
    nights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(nights)
    assert names("n2/*") == ["d.fts.fz", "e.img"]
    assert names("**/*.img.gz") == ["f.img.gz"]
    assert names(".") == ALL


def test_a_list_is_taken_in_its_order_and_no_file_twice(nights: Path) -> None:
    assert names(nights / "n2", nights / "n1" / "a.fits", f"{nights}/n2/*.img") == [
        "d.fts.fz",
        "e.img",
        "a.fits",
    ]


def test_a_name_with_brackets_is_a_name_where_there_is_such_a_file(nights: Path) -> None:
    odd = nights / "m31[1].fits"
    odd.touch()
    assert gather(odd) == [("m31[1].fits", odd)]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("absent", "there is no file or folder"),
        ("absent/*.fits", "no FITS file in"),
        ("**/*.jpg", "no FITS file in"),
    ],
)
def test_what_leads_to_no_file_is_bad_input(nights: Path, source: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        gather(nights / source)


@pytest.mark.parametrize("source", [3, None, [3], [None, "x"], b"x", object])
def test_what_is_no_path_is_bad_input(source: Any) -> None:
    with pytest.raises(InvalidInputError, match="takes a file, a folder, a pattern"):
        gather(source)


def test_files_of_another_kind_in_folders_are_counted(nights: Path) -> None:
    assert gather(nights).passed_over == 1
    assert gather([nights / "n2", nights / "n1" / "notes.txt"]).passed_over == 0


def test_an_empty_list_is_bad_input() -> None:
    with pytest.raises(InvalidInputError, match="nothing to ingest"):
        gather([])


def test_linked_folders_are_followed_and_circles_end(nights: Path, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "g.fits").touch()
    (nights / "linked").symlink_to(tmp_path / "archive")
    (nights / "n1" / "up").symlink_to(nights)
    assert names(nights) == sorted([*ALL, "linked/g.fits"])
    assert names(f"{nights}/**/*.fits") == ["linked/g.fits", "n1/a.fits"]


def test_links_that_lead_nowhere_or_to_themselves_are_among_the_files(nights: Path) -> None:
    (nights / "gone.fits").symlink_to(nights / "nowhere")
    (nights / "self.fits").symlink_to(nights / "self.fits")
    assert names(nights) == sorted([*ALL, "gone.fits", "self.fits"])


def test_a_pipe_called_like_a_fits_file_is_passed_over(nights: Path) -> None:
    os.mkfifo(nights / "pipe.fits")
    assert names(nights) == ALL


def test_a_folder_called_like_a_fits_file_is_named_where_it_is_empty(nights: Path) -> None:
    (nights / "empty.fits").mkdir()
    (nights / "full.fits").mkdir()
    (nights / "full.fits" / "x.fits").touch()
    assert names(nights) == sorted([*ALL, "empty.fits", "full.fits/x.fits"])


def test_a_folder_that_is_closed_is_among_the_files(nights: Path) -> None:
    closed = nights / "n2"
    closed.chmod(0)
    readable = os.access(closed, os.R_OK)
    found = names(nights)
    closed.chmod(0o700)
    if readable:
        pytest.skip("this user may read everything")
    assert found == [*ALL[:4], "n2"]
