"""What the small commands do on a store that the demo has filled."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from cli.conftest import FirstRun
from cli.terminal import NIGHTS, astrid

Copy = Callable[[], tuple[Path, Path]]


def _hash_of(images: Path) -> str:
    return hashlib.sha256((images / "science" / f"{NIGHTS[0]}.fits").read_bytes()).hexdigest()


def test_get_gives_the_bytes_back(first_run: FirstRun) -> None:
    content_hash = _hash_of(first_run.images)

    answer = astrid("get", content_hash[:10], "--store", first_run.store)

    assert (answer.code, answer.out) == (0, f"{NIGHTS[0]}.fits\n")
    assert hashlib.sha256(Path(f"{NIGHTS[0]}.fits").read_bytes()).hexdigest() == content_hash


def test_find_lists_a_line_per_content_and_says_what_it_leaves_out(first_run: FirstRun) -> None:
    all_raw = astrid("find", "--tier", "raw-observations", "--store", first_run.store)
    one = astrid(
        *("find", "--tier", "raw-observations", "--limit", "1", "--store", first_run.store)
    )

    assert len(all_raw.out.splitlines()) == 1 + 4 + 1
    assert f"{NIGHTS[0]}.fits@{_hash_of(first_run.images)[:8]}" in all_raw.out
    assert one.out.splitlines()[-1] == "4 found, 3 not shown: --limit 0 shows all"


def test_find_with_nothing_to_show_says_so(first_run: FirstRun) -> None:
    said = astrid("find", "--night", "1999-01-01", "--store", first_run.store).out
    assert said.startswith("0 found\nnothing found: no stored image has night '1999-01-01'")


def test_why_goes_back_to_the_raw_file(first_run: FirstRun) -> None:
    found = astrid("find", "--role", "detections", "--store", first_run.store).out
    content_hash = found.splitlines()[1].split("@")[1][:8]

    said = astrid("why", content_hash, "--store", first_run.store).out

    assert "made by detect" in said
    assert (first_run.images / "science" / f"{NIGHTS[0]}.fits").as_uri() in said


def test_what_is_excluded_is_left_out_until_it_is_included(copied: Copy) -> None:
    images, store = copied()
    content_hash = _hash_of(images)
    find = ("find", "--tier", "raw-observations", "--store", store)

    said = astrid("exclude", content_hash, "--reason", "trailed", "--store", store)
    assert (said.code, said.out.split()[0]) == (0, content_hash)
    assert astrid(*find).out.splitlines()[-1] == "3 found"
    assert astrid("include", content_hash, "--store", store).code == 0
    assert astrid(*find).out.splitlines()[-1] == "4 found"


def test_sync_says_that_nothing_waits(copied: Copy) -> None:
    _, store = copied()
    said = astrid("sync", "--store", store)
    assert (said.code, said.out) == (0, "nothing waits here\n")


def test_put_stores_once(first_run: FirstRun) -> None:
    put = ("put", first_run.images / "reference", "--purpose", "reference", "--store", "store")

    assert astrid(*put).out.startswith("2 stored, 0 already there, 0 skipped")
    assert astrid(*put).out.startswith("0 stored, 2 already there, 0 skipped")


def test_put_takes_several_paths_and_patterns(first_run: FirstRun) -> None:
    images = first_run.images
    said = astrid("put", f"{images}/**/*.fits", images / "science", "--store", "store").out
    assert said.startswith("4 stored, 0 already there, 0 skipped")


def test_put_refuses_a_tier_that_holds_no_observations(first_run: FirstRun) -> None:
    answer = astrid("put", first_run.images, "--tier", "models", "--store", "store")
    assert (answer.code, answer.out) == (2, "")
    assert "models holds no observations as they came" in answer.err
