"""Each version is exactly recoverable: elsewhere, later, by us and by stock dvc."""

from pathlib import Path

import pytest
from dvc_cli import FILES, Machine, read_files, write_files

import astrid_sdk
from astrid_sdk.datasets.dvc.client import DVCClient
from astrid_sdk.errors import ConflictError, InvalidInputError, NotFoundError
from astrid_sdk.session import AstridSession

SECOND = {**FILES, "a.fits": b"other", "new/c": b"third"}
THIRD = {"a.fits": b"first", "new": b"a file where a folder was"}


@pytest.fixture
def versions(client: DVCClient, data: Path) -> dict[str, dict[str, bytes]]:
    """Three versions of one folder, by name."""
    client.add_dataset(str(data))
    made = {"sn-train@v1": FILES}
    for message, files in (("second", SECOND), ("third", THIRD)):
        write_files(data, files)
        made[client.version_dataset(str(data), message)] = files
    return made


def test_every_version_is_recovered_in_an_empty_folder_of_another_session(
    versions: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    assert list(versions) == ["sn-train@v1", "sn-train@v2", "sn-train@v3"]
    with astrid_sdk.connect(tmp_path / "store") as other:
        for name, files in versions.items():
            other.dvc.pull_dataset(name, str(tmp_path / "elsewhere" / name))
            assert read_files(tmp_path / "elsewhere" / name) == files


def test_a_folder_can_go_from_any_version_to_any_other(
    versions: dict[str, dict[str, bytes]], client: DVCClient, data: Path
) -> None:
    for name in ("sn-train@v1", "sn-train@v3", "sn-train@v2", "sn-train@v1", "sn-train@v3"):
        client.pull_dataset(name, str(data))
        assert read_files(data) == versions[name]


def test_the_name_alone_is_the_newest_version(
    versions: dict[str, dict[str, bytes]], client: DVCClient, tmp_path: Path
) -> None:
    client.pull_dataset("sn-train", str(tmp_path / "newest"))
    assert read_files(tmp_path / "newest") == versions["sn-train@v3"]


def test_a_tag_is_a_version_too(
    versions: dict[str, dict[str, bytes]], astrid: AstridSession, tmp_path: Path
) -> None:
    astrid.datasets.tag("sn-train@v2", "submitted")
    astrid.dvc.pull_dataset("sn-train@submitted", str(tmp_path / "tagged"))
    assert read_files(tmp_path / "tagged") == versions["sn-train@v2"]


def test_what_dvc_calls_a_version_names_it(
    versions: dict[str, dict[str, bytes]], client: DVCClient, data: Path, tmp_path: Path
) -> None:
    for listed in client.list_versions(str(data)):
        client.pull_dataset(listed["dvc_hash"], str(tmp_path / listed["name"]))
        assert read_files(tmp_path / listed["name"]) == versions[listed["name"]]


def test_an_unchanged_folder_is_no_new_version(client: DVCClient, data: Path) -> None:
    client.add_dataset(str(data))
    assert client.version_dataset(str(data), "nothing new") == "sn-train@v1"
    assert client.add_dataset(str(data)) == "sn-train"
    assert len(client.list_versions(str(data))) == 1


def test_files_of_the_users_own_are_never_removed(client: DVCClient, data: Path) -> None:
    client.add_dataset(str(data))
    (data / "mine.txt").write_bytes(b"not in any version")
    client.pull_dataset("sn-train@v1", str(data))
    assert read_files(data) == {**FILES, "mine.txt": b"not in any version"}


def test_changes_that_no_version_holds_are_not_written_over(client: DVCClient, data: Path) -> None:
    client.add_dataset(str(data))
    (data / "a.fits").write_bytes(b"hours of work")
    with pytest.raises(ConflictError, match="version them first") as refused:
        client.pull_dataset("sn-train@v1", str(data))
    assert refused.value.kind == "unsaved"
    assert (data / "a.fits").read_bytes() == b"hours of work"
    client.pull_dataset("sn-train@v1", str(data), force=True)
    assert read_files(data) == FILES


def test_what_is_right_already_is_not_fetched_again(client: DVCClient, data: Path) -> None:
    client.add_dataset(str(data))
    before = {path: path.stat().st_mtime_ns for path in data.rglob("*")}
    client.pull_dataset("sn-train", str(data))
    assert {path: path.stat().st_mtime_ns for path in data.rglob("*")} == before


def test_nothing_is_written_through_a_link(client: DVCClient, data: Path, tmp_path: Path) -> None:
    client.add_dataset(str(data))
    outside = tmp_path / "outside"
    outside.mkdir()
    target = tmp_path / "target"
    target.mkdir()
    (target / "sub").symlink_to(outside)
    with pytest.raises(InvalidInputError, match="is a link"):
        client.pull_dataset("sn-train", str(target))
    assert list(outside.iterdir()) == []


def test_a_dataset_can_be_one_file(client: DVCClient, tmp_path: Path, machine: Machine) -> None:
    project = write_files(tmp_path / "project", {"labels.csv": b"a,1\n"})
    assert client.add_dataset(str(project / "labels.csv")) == "labels.csv"
    (project / "labels.csv").write_bytes(b"a,2\n")
    assert client.version_dataset(str(project / "labels.csv"), "relabelled") == "labels.csv@v2"
    client.pull_dataset("labels.csv@v1", str(tmp_path / "old.csv"))
    assert (tmp_path / "old.csv").read_bytes() == b"a,1\n"
    client.push_dataset("labels.csv")
    (project / "labels.csv").unlink()
    machine.dvc(project, "pull")
    assert (project / "labels.csv").read_bytes() == b"a,2\n"


def test_a_version_that_is_not_there_is_said_so(client: DVCClient, data: Path) -> None:
    client.add_dataset(str(data))
    for name in ("sn-train@v9", "nobody", "0" * 32, "0" * 32 + ".dir"):
        with pytest.raises(NotFoundError):
            client.pull_dataset(name, str(data.parent / "target"))


def test_a_dataset_of_the_chain_or_of_a_notebook_is_pulled_and_pushed_too(
    astrid: AstridSession, data: Path, tmp_path: Path, machine: Machine
) -> None:
    made = astrid.datasets.version("by-notebook", str(data), message="from a notebook")
    assert astrid.dvc.list_versions("by-notebook")[0]["dvc_hash"] is None
    astrid.dvc.push_dataset("by-notebook")
    (listed,) = astrid.dvc.list_versions("by-notebook")
    machine.dvc(data.parent, "init", "--no-scm")
    machine.dvc(data.parent, "add", data.name)
    assert listed["dvc_hash"] in data.with_name("sn-train.dvc").read_text()
    assert listed["name"] == made.name == "by-notebook@v1"
    astrid.dvc.pull_dataset("by-notebook", str(tmp_path / "target"))
    assert read_files(tmp_path / "target") == read_files(data)
