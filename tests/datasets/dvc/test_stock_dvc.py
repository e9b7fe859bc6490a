"""Stock dvc understands what we write, and we what it writes."""

from pathlib import Path
from typing import Any

import pytest
from dvc_cli import FILES, Machine, read_files, write_files
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.tree import Tree

from astrid_sdk.datasets.dvc.client import DVCClient
from astrid_sdk.datasets.dvc.trees import DvcTree
from astrid_sdk.errors import CorruptionError, NotFoundError
from astrid_sdk.session import AstridSession

SECOND = {**FILES, "a.fits": b"other"}


def test_the_listing_of_a_folder_is_byte_by_byte_that_of_dvc() -> None:
    md5s = {"b/ü": "1" * 32, "a": "2" * 32, "b.c": "3" * 32, "b/a": "4" * 32, 'q"\\': "5" * 32}
    theirs: Any = Tree()  # type: ignore[no-untyped-call]
    for path, md5 in md5s.items():
        theirs.add(tuple(path.split("/")), None, HashInfo("md5", md5))
    theirs.digest()
    assert DvcTree(md5s).content == theirs.as_bytes()
    assert DvcTree(md5s).dvc_hash == theirs.oid


def test_dvc_calls_our_version_what_we_say(client: DVCClient, data: Path, machine: Machine) -> None:
    (data / "empty").mkdir()
    (data / "link").symlink_to("a.fits")
    client.add_dataset(str(data))
    ours = client.list_versions(str(data))[0]["dvc_hash"]
    machine.dvc(data.parent, "add", "sn-train")
    text = (data.parent / "sn-train.dvc").read_text()
    assert ours in text
    assert "dataset_id: sn-train" in text  # dvc keeps what we said


def test_what_a_dvcignore_names_is_left_out_as_dvc_does(
    client: DVCClient, data: Path, machine: Machine
) -> None:
    machine.dvc(data.parent, "init", "--no-scm")
    (data.parent / ".dvcignore").write_text("*.bin\n")
    client.add_dataset(str(data))
    (listed,) = client.list_versions(str(data))
    machine.dvc(data.parent, "add", "sn-train")
    assert listed["dvc_hash"] in (data.parent / "sn-train.dvc").read_text()
    assert listed["files"] == len(FILES) - 1


@pytest.mark.parametrize("ignored", ["", "*.bin\n"])
def test_a_folder_has_the_same_files_for_dvc_and_for_a_version_of_it(
    astrid: AstridSession, data: Path, machine: Machine, ignored: str
) -> None:
    write_files(data, {**FILES, "sub/.deep/.x": b"x", ".git/config": b"no", "sub/.hg/a": b"no"})
    (data / "link").symlink_to("a.fits")
    machine.dvc(data.parent, "init", "--no-scm")
    (data.parent / ".dvcignore").write_text(ignored)
    astrid.datasets.version("by-notebook", data)
    astrid.dvc.push_dataset("by-notebook")
    machine.dvc(data.parent, "add", data.name)
    (listed,) = astrid.dvc.list_versions("by-notebook")
    assert listed["dvc_hash"] in data.with_name("sn-train.dvc").read_text()
    paths = {file.path for file in astrid.datasets.manifest("by-notebook").files}
    assert {".hidden", "sub/.deep/.x", "link"} <= paths
    assert ("sub/b.bin" in paths) == (not ignored)


def test_a_store_inside_a_folder_is_no_data(
    astrid: AstridSession, client: DVCClient, data: Path
) -> None:
    write_files(data / ".astrid", {"seen.sqlite": b"it changes"})
    made = astrid.datasets.version("by-notebook", data)
    client.add_dataset(str(data))
    assert made.files == len(FILES) == client.list_versions(str(data))[0]["files"]


def test_what_we_push_plain_dvc_pulls_and_checks_out(
    client: DVCClient, data: Path, machine: Machine, tmp_path: Path
) -> None:
    client.add_dataset(str(data))
    client.push_dataset("sn-train")
    project = data.parent
    copied = tmp_path / "copied"
    copied.mkdir()
    for name in ("sn-train.dvc", ".dvc/config"):
        (copied / name).parent.mkdir(exist_ok=True)
        (copied / name).write_bytes((project / name).read_bytes())
    machine.dvc(copied, "pull")
    assert read_files(copied / "sn-train") == FILES
    assert "up to date" in machine.dvc(copied, "status")
    assert "in sync" in machine.dvc(copied, "status", "--cloud")
    machine.dvc(tmp_path, "get", str(project), "sn-train/sub", "--out", "got")
    assert read_files(tmp_path / "got") == {"b.bin": FILES["sub/b.bin"], "ü x": b""}
    assert "sn-train" in machine.dvc(tmp_path, "list", str(project))


def test_a_push_brings_only_what_is_missing(client: DVCClient, data: Path) -> None:
    client.add_dataset(str(data))
    assert client.pushed("sn-train").objects == 4  # two files are the same
    assert client.pushed("sn-train").objects == 0
    write_files(data, SECOND)
    client.version_dataset(str(data), "one changed")
    assert client.pushed("sn-train").objects == 2  # the file, and the folder's listing


def test_what_plain_dvc_pushed_we_list_and_pull(
    client: DVCClient, tracked: Path, machine: Machine, tmp_path: Path
) -> None:
    client.add_dataset(str(tracked))
    project = tracked.parent
    write_files(tracked, SECOND)
    machine.dvc(project, "add", "sn-train")
    machine.git(project, "commit", "--quiet", "--all", "--message=by plain dvc")
    machine.dvc(project, "push")
    theirs = client.list_versions(str(tracked))[-1]
    assert theirs["version"] is None
    assert theirs["message"] == "by plain dvc"
    assert theirs["author"] == "Vera"
    assert theirs["git_revision"] == machine.git(project, "rev-parse", "HEAD").strip()
    client.pull_dataset(theirs["dvc_hash"], str(tmp_path / "theirs"))
    assert read_files(tmp_path / "theirs") == SECOND
    assert client.version_dataset(str(tracked), "taken over") == "sn-train@v2"
    assert [each["version"] for each in client.list_versions(str(tracked))] == [1, 2]


@pytest.mark.parametrize("is_known_to_us", [True, False])
def test_what_a_colleague_pushed_with_plain_dvc_is_not_undone_by_the_newest_version(
    client: DVCClient,
    data: Path,
    machine: Machine,
    caplog: pytest.LogCaptureFixture,
    *,
    is_known_to_us: bool,
) -> None:
    client.add_dataset(str(data))
    place = data.with_name("sn-train.dvc")
    if not is_known_to_us:
        place.unlink()  # dvc makes one that says nothing of our dataset
    write_files(data, SECOND)
    machine.dvc(data.parent, "add", "sn-train")
    machine.dvc(data.parent, "push")
    theirs = place.read_text()
    write_files(data, {})
    client.pull_dataset("sn-train", str(data))
    assert (read_files(data), place.read_text()) == (SECOND, theirs)
    assert "ask for sn-train@v1 to have the newest" in caplog.text
    client.pull_dataset("sn-train@v1", str(data), force=True)
    assert read_files(data) == FILES
    client.pull_dataset("sn-train", str(data))  # the file names our version now
    assert read_files(data) == FILES


def test_what_plain_dvc_added_and_did_not_push_is_not_undone_either(
    client: DVCClient, data: Path, machine: Machine
) -> None:
    client.add_dataset(str(data))
    write_files(data, SECOND)
    machine.dvc(data.parent, "add", "sn-train")
    theirs = data.with_name("sn-train.dvc").read_text()
    with pytest.raises(NotFoundError, match=r"sn-train.dvc names .*ask for it by its number"):
        client.pull_dataset("sn-train", str(data))
    assert data.with_name("sn-train.dvc").read_text() == theirs
    assert read_files(data) == SECOND


def test_that_only_md5_was_verified_is_said(
    client: DVCClient,
    data: Path,
    machine: Machine,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client.add_dataset(str(data))
    write_files(data, SECOND)
    machine.dvc(data.parent, "add", "sn-train")
    machine.dvc(data.parent, "push")
    (theirs,) = [v for v in client.list_versions(str(data)) if v["version"] is None]
    client.pull_dataset(theirs["name"], str(tmp_path / "theirs"))
    assert read_files(tmp_path / "theirs") == SECOND
    assert "MD5 only" in caplog.text


def test_an_object_that_was_damaged_in_the_remote_is_not_handed_out(
    client: DVCClient, data: Path, machine: Machine, tmp_path: Path
) -> None:
    remote = tmp_path / "remote"
    client.add_dataset(str(data), str(remote))
    write_files(data, {"a": b"only dvc has this", "b": b"and this"})
    machine.dvc(data.parent, "add", "sn-train")
    machine.dvc(data.parent, "push")
    (theirs,) = [v for v in client.list_versions(str(data)) if v["version"] is None]
    (damaged,) = [p for p in remote.rglob("*") if p.is_file() and p.read_bytes() == b"and this"]
    damaged.chmod(0o600)
    damaged.write_bytes(b"AND THIS")
    with pytest.raises(CorruptionError, match="does not hold what its name says"):
        client.pull_dataset(theirs["name"], str(tmp_path / "theirs"), remote=str(remote))
    assert read_files(tmp_path / "theirs") == {"a": b"only dvc has this"}
    damaged.unlink()
    with pytest.raises(NotFoundError, match="push it"):
        client.pull_dataset(theirs["name"], str(tmp_path / "theirs"), remote=str(remote))


def test_a_folder_that_dvc_tracks_already_becomes_a_dataset(
    client: DVCClient, data: Path, machine: Machine
) -> None:
    machine.dvc(data.parent, "init", "--no-scm")
    machine.dvc(data.parent, "add", "sn-train")
    place = data.parent / "sn-train.dvc"
    place.write_text(place.read_text() + "desc: kept words\n")
    assert client.add_dataset(str(data)) == "sn-train"
    assert "kept words" in place.read_text()
    assert "up to date" in machine.dvc(data.parent, "status")


def test_a_remote_can_be_another_folder(
    client: DVCClient, data: Path, machine: Machine, tmp_path: Path
) -> None:
    client.add_dataset(str(data), str(tmp_path / "remote"))
    client.push_dataset("sn-train")
    assert client.pushed("sn-train").objects == 0
    write_files(data, {})
    data.rmdir()
    machine.dvc(data.parent, "pull")
    assert read_files(data) == FILES


def test_a_tracked_folder_goes_to_a_version_of_plain_dvc_and_back(
    client: DVCClient, data: Path, machine: Machine
) -> None:
    client.add_dataset(str(data))
    write_files(data, {"other": b"by plain dvc"})
    machine.dvc(data.parent, "add", "sn-train")
    machine.dvc(data.parent, "push")
    (theirs,) = [v for v in client.list_versions(str(data)) if v["version"] is None]
    client.pull_dataset("sn-train@v1", str(data), force=True)
    (data / "other").unlink()  # no version of ours holds it, so it was left
    client.pull_dataset(theirs["name"], str(data))  # over what our version holds
    assert read_files(data) == {"other": b"by plain dvc"}
    assert theirs["dvc_hash"] in (data.parent / "sn-train.dvc").read_text()
    assert "up to date" in machine.dvc(data.parent, "status")
    client.pull_dataset("sn-train@v1", str(data))
    assert read_files(data) == {**FILES, "other": b"by plain dvc"}
