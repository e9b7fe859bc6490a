"""Names from outside never break out, never collide, and never reach a shell."""

from pathlib import Path

import pytest
from dvc_cli import FILES, Machine, read_files, write_files
from hypothesis import given
from hypothesis import strategies as st

from astrid_sdk.datasets.dvc.client import DVCClient
from astrid_sdk.datasets.dvc.names import dataset_id_of
from astrid_sdk.datasets.versions import check_dataset_id
from astrid_sdk.errors import ConflictError, InvalidInputError
from astrid_sdk.session import AstridSession

HOSTILE = (
    "-rf",
    "--force",
    "a b",
    "$(touch x)",
    "`id`; rm -rf *",
    "超新星",
    "Tränen [1]!*?#",
    "x" * 200,
    "..hidden",
    "'quoted\"",
    "{a: b}",
    "%s",
    "#comment",
    "null",
    "@v2",
)


@given(st.text(), st.integers(1, 99_999))
def test_any_name_becomes_an_id(name: str, again: int) -> None:
    assert check_dataset_id(dataset_id_of(name, again=again))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_folder_of_any_name_is_versioned_and_recovered(
    client: DVCClient, tmp_path: Path, name: str
) -> None:
    project = tmp_path / "project"
    dataset_id = client.add_dataset(str(write_files(project / name)))
    assert client.list_versions(str(project / name))[0]["name"] == f"{dataset_id}@v1"
    client.pull_dataset(dataset_id, str(tmp_path / "target"))
    assert read_files(tmp_path / "target") == FILES
    there = {path.name for path in project.iterdir()}
    assert there == {".dvc", ".dvcignore", name, f"{name}.dvc"}


@pytest.mark.parametrize("name", ["超新星 a", "-[1]!*?#"])
def test_stock_dvc_and_git_take_the_name_too(
    client: DVCClient, tracked: Path, machine: Machine, name: str
) -> None:
    project = tracked.parent
    data = tracked.rename(project / name)
    client.push_dataset(client.add_dataset(str(data)))
    assert machine.git(project, "status", "--porcelain") == ""
    write_files(data, {})
    data.rmdir()
    machine.dvc(project, "pull")
    assert read_files(data) == FILES


@pytest.mark.parametrize("name", ["a\nb", "a\x1bb", "ends in space ", "x.dvc", "\udcff"])
def test_a_name_that_dvc_cannot_hold_is_refused(
    client: DVCClient, tmp_path: Path, name: str
) -> None:
    with pytest.raises(InvalidInputError):
        client.add_dataset(str(write_files(tmp_path / "project" / name)))


@pytest.mark.parametrize("path", ["nowhere", "/", "a/../../b", "x" * 300, "a\0b"])
def test_a_path_with_nothing_there_is_refused(client: DVCClient, path: str) -> None:
    with pytest.raises(InvalidInputError):
        client.add_dataset(path)
    with pytest.raises(InvalidInputError):
        client.version_dataset(path, "again")
    with pytest.raises(InvalidInputError):
        client.list_versions(path)


def test_a_path_is_where_it_leads(client: DVCClient, data: Path) -> None:
    roundabout = data / ".." / "sn-train" / "sub" / ".."
    assert client.add_dataset(str(roundabout)) == "sn-train"
    assert client.version_dataset(str(data), "the same") == "sn-train@v1"


def test_folders_of_one_name_are_datasets_of_their_own(client: DVCClient, tmp_path: Path) -> None:
    one = write_files(tmp_path / "one" / "sn train")
    two = write_files(tmp_path / "two" / "SN-Train", {"b": b"other"})
    three = write_files(tmp_path / "three" / "sn-train", {"c": b"third"})
    made = [client.add_dataset(str(folder)) for folder in (one, two, three)]
    assert made == ["sn-train", "sn-train-2", "sn-train-3"]
    assert [len(client.list_versions(str(folder))) for folder in (one, two, three)] == [1, 1, 1]
    assert client.add_dataset(str(two)) == "sn-train-2"


def test_a_dataset_of_a_notebook_is_not_continued_by_a_folder_of_its_name(
    astrid: AstridSession, data: Path
) -> None:
    astrid.datasets.create("sn-train", description="somebody else's")
    assert astrid.dvc.add_dataset(str(data)) == "sn-train-2"
    assert astrid.dvc.add_dataset(str(data), dataset_id="sn-train-2") == "sn-train-2"


def test_a_dataset_is_continued_where_that_is_said(client: DVCClient, tmp_path: Path) -> None:
    one = write_files(tmp_path / "one" / "night")
    two = write_files(tmp_path / "two" / "other", {"b": b"other"})
    client.add_dataset(str(one), dataset_id="sn")
    assert client.add_dataset(str(two), dataset_id="sn") == "sn"
    assert [each["name"] for each in client.list_versions("sn")] == ["sn@v1", "sn@v2"]


def test_a_folder_from_another_store_does_not_continue_somebody_elses_dataset(
    astrid: AstridSession, client: DVCClient, tmp_path: Path, data: Path
) -> None:
    client.add_dataset(str(write_files(tmp_path / "mine" / "sn-train", {"a": b"mine"})))
    with type(astrid)(astrid.r2, "another-bucket", tmp_path / "home-2") as other:
        other.prepare()
        other.dvc.add_dataset(str(data))
    with pytest.raises(ConflictError, match="somebody else's") as refused:
        client.version_dataset(str(data), "into the wrong store")
    assert refused.value.kind == "claimed"


def test_the_folder_of_one_dataset_is_not_made_another(
    client: DVCClient, data: Path, tmp_path: Path
) -> None:
    client.add_dataset(str(data))
    client.add_dataset(str(write_files(tmp_path / "other" / "flats", {"a": b"flat"})))
    with pytest.raises(ConflictError, match="another folder"):
        client.pull_dataset("flats", str(data), force=True)
    assert read_files(data) == FILES


@pytest.mark.parametrize("name", ["a\\b", "a\nb", "inside.dvc", ".dvcignore", "\udcff"])
def test_a_file_that_a_dataset_cannot_hold_is_named(
    client: DVCClient, data: Path, name: str
) -> None:
    (data / name).write_bytes(b"")
    with pytest.raises(InvalidInputError, match=r"rename it|by itself"):
        client.add_dataset(str(data))


def test_datasets_do_not_overlap(client: DVCClient, data: Path) -> None:
    client.add_dataset(str(data))
    for path in (data / "sub", data.parent, data.parent / ".dvc"):
        with pytest.raises(InvalidInputError):
            client.add_dataset(str(path))


def test_a_folder_that_was_never_added_is_said_so(client: DVCClient, data: Path) -> None:
    for call in (
        lambda: client.version_dataset(str(data), "x"),
        lambda: client.list_versions(str(data)),
    ):
        with pytest.raises(InvalidInputError, match="add_dataset"):
            call()


@pytest.mark.parametrize(
    "remote",
    ["gs://bucket/dvc", "ssh://host/dvc", "s3://other/dvc", "a name", "-x", "s3://", "https://h/d"],
)
def test_a_remote_that_only_dvc_reaches_is_refused(
    client: DVCClient, data: Path, remote: str
) -> None:
    with pytest.raises(InvalidInputError):
        client.add_dataset(str(data), remote)


def test_a_remote_with_a_password_is_refused_without_showing_it(
    client: DVCClient, data: Path
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        client.add_dataset(str(data), "https://me:sesame@host/dvc")
    assert "sesame" not in str(refused.value)


def test_a_remote_that_only_dvc_reaches_is_none_of_ours(client: DVCClient, data: Path) -> None:
    client.add_dataset(str(data))
    with (data.parent / ".dvc" / "config").open("a") as config:
        config.write("['remote \"far\"']\n    url = ssh://me@host/data\n")
    write_files(data.parent / "more", {"a": b"1"})
    assert client.add_dataset(str(data.parent / "more")) == "more"
    assert client.list_versions(str(data.parent / "more"))[0]["version"] == 1
