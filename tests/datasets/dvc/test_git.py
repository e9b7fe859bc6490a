"""git is used where the folder is in a repository: DVC's files are committed, nothing else."""

from pathlib import Path

import pytest
from dvc_cli import FILES, Machine, read_files, write_files

from astrid_sdk.datasets.dvc.client import DVCClient
from astrid_sdk.errors import InvalidInputError

SECOND = {"a.fits": b"other"}


def test_dvcs_files_are_committed_with_the_message_and_the_revision_is_kept(
    client: DVCClient, tracked: Path, machine: Machine
) -> None:
    project = tracked.parent
    client.add_dataset(str(tracked), message="as they came")
    names = machine.git(project, "show", "--format=%s", "--name-only", "HEAD").split()
    assert names == [
        *("as", "they", "came"),
        *(".dvc/.gitignore", ".dvc/config", ".dvcignore", ".gitignore", "sn-train.dvc"),
    ]
    assert machine.git(project, "status", "--porcelain") == ""
    (listed,) = client.list_versions(str(tracked))
    assert listed["git_revision"] == machine.git(project, "rev-parse", "HEAD").strip()


def test_what_the_user_staged_and_changed_stays_as_it_is(
    client: DVCClient, tracked: Path, machine: Machine
) -> None:
    project = tracked.parent
    (project / "staged.txt").write_text("staged\n")
    machine.git(project, "add", "staged.txt")
    (project / "notes.txt").write_text("changed\n")
    client.add_dataset(str(tracked))
    write_files(tracked, SECOND)
    client.version_dataset(str(tracked), "--amend $(touch broken) #1\n\nsecond line")
    status = machine.git(project, "status", "--porcelain").splitlines()
    assert status == [" M notes.txt", "A  staged.txt"]
    assert machine.git(project, "log", "-1", "--format=%s").startswith("--amend $(touch broken)")
    assert not (project / "broken").exists()


def test_every_version_is_recovered_in_a_clone_by_us_and_by_plain_dvc(
    client: DVCClient, tracked: Path, machine: Machine, tmp_path: Path
) -> None:
    client.add_dataset(str(tracked))
    write_files(tracked, SECOND)
    client.version_dataset(str(tracked), "second")
    client.push_dataset("sn-train")
    machine.git(tmp_path, "clone", "--quiet", str(tracked.parent), "clone")
    clone = tmp_path / "clone"
    first, second = client.list_versions(str(clone / "sn-train"))
    machine.dvc(clone, "pull")
    assert read_files(clone / "sn-train") == SECOND
    client.pull_dataset("sn-train@v1", str(clone / "sn-train"))
    assert read_files(clone / "sn-train") == FILES
    assert machine.git(clone, "diff", "--name-only").split() == ["sn-train.dvc"]
    machine.git(clone, "checkout", "--quiet", "--force", first["git_revision"])
    assert machine.git(clone, "status", "--porcelain") == ""
    machine.dvc(clone, "fetch")
    assert "up to date" in machine.dvc(clone, "status")
    machine.git(clone, "checkout", "--quiet", "--force", second["git_revision"])
    write_files(clone / "sn-train", {"a.fits": b"third"})  # the head is detached
    assert client.version_dataset(str(clone / "sn-train"), "from the clone") == "sn-train@v3"


def test_without_commit_nothing_is_committed(
    client: DVCClient, tracked: Path, machine: Machine
) -> None:
    client.add_dataset(str(tracked), commit=False)
    assert machine.git(tracked.parent, "log", "--format=%s").split() == ["begin"]
    (listed,) = client.list_versions(str(tracked))
    assert listed["git_revision"] is None


def test_a_merge_under_way_is_refused_with_a_sentence(
    client: DVCClient, tracked: Path, machine: Machine
) -> None:
    project = tracked.parent
    machine.git(project, "branch", "side")
    machine.git(project, "commit", "--quiet", "--allow-empty", "--message=here")
    machine.git(project, "checkout", "--quiet", "side")
    machine.git(project, "commit", "--quiet", "--allow-empty", "--message=there")
    machine.git(project, "merge", "--quiet", "--no-commit", "--no-ff", "main")
    with pytest.raises(InvalidInputError, match="a merge is under way"):
        client.add_dataset(str(tracked))
    assert client.add_dataset(str(tracked), commit=False) == "sn-train"


def test_data_that_git_has_already_is_refused(
    client: DVCClient, tracked: Path, machine: Machine
) -> None:
    machine.git(tracked.parent, "add", "sn-train")
    with pytest.raises(InvalidInputError, match="git rm -r --cached"):
        client.add_dataset(str(tracked))


def test_a_dvc_file_that_git_would_not_keep_is_refused(client: DVCClient, tracked: Path) -> None:
    (tracked.parent / ".gitignore").write_text("*.dvc\n")
    with pytest.raises(InvalidInputError, match=r"\.gitignore"):
        client.add_dataset(str(tracked))


def test_what_git_says_is_said_on(
    client: DVCClient, tracked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = tracked.parent / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\necho 'not on a Friday' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(InvalidInputError, match="not on a Friday"):
        client.add_dataset(str(tracked))
    hook.unlink()
    assert client.add_dataset(str(tracked)) == "sn-train"  # goes on where it was stopped
    monkeypatch.setenv("PATH", str(tracked))
    with pytest.raises(InvalidInputError, match="no git on this machine"):
        client.version_dataset(str(tracked), "without git")
