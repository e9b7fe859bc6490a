"""What checking out a version promises: exactly its bytes, and no byte of yours is lost."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from stores import WrappedStore

import astrid_sdk
from astrid_sdk.datasets.datasets import Datasets
from astrid_sdk.datasets.registry import DatasetRegistry
from astrid_sdk.errors import CorruptionError, InvalidInputError, NotFoundError
from astrid_sdk.session import AstridSession
from astrid_sdk.storage.blobs import blob_key
from astrid_sdk.tiers import Tier

VERSIONS = [
    {"a.txt": b"one", "sub/b.txt": b"b"},
    {"a.txt": b"two", "sub/b.txt": b"b", "c.txt": b"see"},
]


@pytest.fixture
def datasets(astrid: AstridSession, tmp_path: Path) -> Datasets:
    for files in VERSIONS:
        folder = tmp_path / "made"
        shutil.rmtree(folder, ignore_errors=True)
        write(folder, files)
        astrid.datasets.version("x", folder)
    return astrid.datasets


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def held(folder: Path) -> dict[str, bytes]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_each_version_comes_back_byte_for_byte_elsewhere(
    datasets: Datasets, tmp_path: Path
) -> None:
    for number, files in enumerate(VERSIONS, 1):
        made = datasets.checkout(f"x@v{number}", tmp_path / f"deep/out-{number}")
        assert held(made.folder) == files
        assert made.of_state("fetched") == sorted(files)
    with astrid_sdk.connect(tmp_path / "store") as other:
        other.datasets.checkout("x@v1", tmp_path / "other machine")
    assert held(tmp_path / "other machine") == VERSIONS[0]


def test_only_what_is_missing_or_different_is_fetched(
    datasets: Datasets, astrid: AstridSession, out: Path
) -> None:
    datasets.checkout("x@v1", out)
    watched = WrappedStore(astrid.r2)
    with astrid_sdk.AstridSession(watched, astrid.bucket, out.parent / "home") as session:
        second = session.datasets.checkout("x@v2", out)
        assert second.counts == {"fetched": 2, "kept": 1}
        blobs = [key for key in watched.read if "/sha256/" in key]
        watched.read.clear()
        again = session.datasets.checkout("x@v2", out)
    assert held(out) == VERSIONS[1]
    assert len(blobs) == 4  # two manifests, two files
    assert again.counts == {"kept": 3}
    assert [key for key in watched.read if "/sha256/" in key] == [
        blob_key(second.version.manifest_hash, Tier.DATASETS)
    ]


def test_a_file_that_no_version_holds_is_set_aside_never_lost(
    datasets: Datasets, out: Path
) -> None:
    datasets.checkout("x@v1", out)
    write(out, {"a.txt": b"my own work", "notes.txt": b"mine too"})
    made = datasets.checkout("x@v2", out)
    (aside,) = made.of_state("set aside")
    assert held(out) == {**VERSIONS[1], aside: b"my own work", "notes.txt": b"mine too"}
    assert aside.startswith("a.txt.aside-")


def test_what_another_version_left_is_named_and_removed_only_when_asked(
    datasets: Datasets, out: Path
) -> None:
    datasets.checkout("x@v2", out)
    assert datasets.checkout("x@v1", out).of_state("left over") == ["c.txt"]
    assert (out / "c.txt").read_bytes() == b"see"
    assert datasets.checkout("x@v1", out, prune=True).of_state("removed") == ["c.txt"]
    assert held(out) == VERSIONS[0]


def test_a_left_over_that_was_changed_since_is_not_removed(datasets: Datasets, out: Path) -> None:
    datasets.checkout("x@v2", out)
    write(out, {"c.txt": b"changed"})
    datasets.checkout("x@v1", out, prune=True)
    assert held(out) == {**VERSIONS[0], "c.txt": b"changed"}


def test_a_folder_in_the_way_is_refused_before_anything_is_written(
    datasets: Datasets, out: Path
) -> None:
    write(out, {"a.txt/inside": b"mine"})
    with pytest.raises(InvalidInputError, match="check it out into another folder"):
        datasets.checkout("x@v1", out)
    assert held(out) == {"a.txt/inside": b"mine"}


def test_nothing_is_written_through_a_link_inside_the_folder(
    datasets: Datasets, out: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    write(elsewhere, {"b.txt": b"mine"})
    out.mkdir()
    (out / "sub").symlink_to(elsewhere)
    with pytest.raises(InvalidInputError, match="is a link") as refused:
        datasets.checkout("x@v1", out)
    assert refused.value.kind == "symlink"
    assert held(out) == {}
    assert held(elsewhere) == {"b.txt": b"mine"}


def test_the_folder_itself_may_be_a_link(datasets: Datasets, out: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    out.symlink_to(tmp_path / "elsewhere")
    datasets.checkout("x@v1", out)
    assert held(tmp_path / "elsewhere") == VERSIONS[0]


def test_a_file_where_the_folder_belongs_is_refused(datasets: Datasets, out: Path) -> None:
    out.write_bytes(b"a file")
    with pytest.raises(InvalidInputError, match="cannot make the folder"):
        datasets.checkout("x@v1", out)


@pytest.mark.parametrize(
    ("harm", "error"),
    [
        (lambda path: path.write_bytes(b"bad"), CorruptionError),
        (lambda path: path.unlink(), NotFoundError),
    ],
)
def test_a_damaged_content_is_not_written_and_the_others_are(
    datasets: Datasets,
    astrid: AstridSession,
    out: Path,
    harm: Callable[[Path], object],
    error: type[Exception],
) -> None:
    file = next(it for it in datasets.manifest("x@v1").files if it.path == "a.txt")
    harm(astrid.home / astrid.bucket / blob_key(file.content_hash, Tier.DATASETS))
    with pytest.raises(error):
        datasets.checkout("x@v1", out)
    assert held(out) == {"sub/b.txt": b"b"}


def test_progress_is_told_to_the_end(datasets: Datasets, out: Path) -> None:
    told: list[tuple[int, int]] = []
    datasets.checkout("x@v1", out, progress=lambda done, total, _: told.append((done, total)))
    assert told[-1] == (2, 2)


def test_a_checkout_is_shown_as_a_table(datasets: Datasets, out: Path) -> None:
    made = datasets.checkout("x@v1", out)
    assert "x@v1 in" in repr(made)
    assert "2 fetched" in made._repr_mimebundle_()["text/html"]
    assert made.to_pandas()["state"].tolist() == ["fetched", "fetched"]
    assert made[:1].version == made.version


def test_the_store_behind_a_registry_is_enough_to_have_a_version_back(
    datasets: Datasets, astrid: AstridSession
) -> None:
    registry = DatasetRegistry(astrid.r2, astrid.bucket, astrid.cas, astrid.derivations)
    assert registry.manifest("x", 1) == datasets.manifest("x@v1")
