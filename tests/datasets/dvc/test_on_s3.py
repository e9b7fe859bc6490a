"""In a bucket: server-side copies, plain dvc against it, R2's rules, and no secret anywhere."""

import pickle
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from dvc_cli import FILES, Machine, read_files, write_files
from servers import MotoServer

import astrid_sdk
from astrid_sdk.config import StorageConfig
from astrid_sdk.errors import AstridError
from astrid_sdk.session import AstridSession
from astrid_sdk.testing.fault_proxy import FaultProxy
from astrid_sdk.testing.r2_rules import R2Rules

BUCKET = "astrid-dvc"
LARGE = bytes(range(256)) * (53 << 12)  # 53 MiB: more than s3fs sends with one request


@pytest.fixture
def proxy(moto_server: MotoServer) -> Iterator[FaultProxy]:
    with FaultProxy(moto_server.endpoint_url, rules=R2Rules(writes_per_s=None)) as proxy:
        yield proxy


@pytest.fixture
def config(moto_server: MotoServer, proxy: FaultProxy, tmp_path: Path) -> StorageConfig:
    bucket = f"{BUCKET}-{tmp_path.name[-20:].strip('_').replace('_', '-').lower()}"
    return moto_server.config(bucket, r2_endpoint_url=proxy.endpoint_url)


@pytest.fixture
def astrid(config: StorageConfig, machine: Machine) -> Iterator[AstridSession]:  # noqa: ARG001
    with astrid_sdk.connect(config=config) as session:
        session.prepare()
        yield session


@pytest.fixture
def with_keys(machine: Machine, config: StorageConfig) -> Machine:
    """A machine whose environment has the keys."""
    keys = {
        "AWS_ACCESS_KEY_ID": config.r2_access_key_id,
        "AWS_SECRET_ACCESS_KEY": config.secret_access_key.reveal(),
    }
    return Machine(machine.home, keys)


def test_objects_are_copied_in_the_store_and_known_by_a_listing(
    astrid: AstridSession, proxy: FaultProxy, data: Path
) -> None:
    astrid.dvc.add_dataset(str(data))
    asked = _requests(proxy, lambda: astrid.dvc.push_dataset("sn-train"))
    assert asked["copy"] == 3
    assert asked["put"] == 1  # the folder's listing
    asked = _requests(proxy, lambda: astrid.dvc.push_dataset("sn-train"))
    assert set(asked) <= {"list", "get"}  # of which the gets are the version and its manifest
    assert asked["list"] <= 4


def test_a_version_with_one_change_moves_only_that(
    astrid: AstridSession, proxy: FaultProxy, data: Path
) -> None:
    write_files(data, {f"{number:03}": b"%d" % number for number in range(60)})
    astrid.dvc.add_dataset(str(data))
    astrid.dvc.push_dataset("sn-train")
    (data / "007").write_bytes(b"changed")
    sent: list[int] = []

    def both() -> None:
        astrid.dvc.version_dataset(str(data), "one changed")
        astrid.dvc.push_dataset("sn-train")

    asked = _requests(proxy, both, sent)
    assert asked["copy"] == 1
    assert sum(size == len(b"changed") for size in sent) == 1
    assert asked["put"] < 15  # the file, its record, manifest, derivation, marker, tree, listing


def test_plain_dvc_pulls_what_we_pushed_and_we_what_it_pushed(
    astrid: AstridSession, tracked: Path, with_keys: Machine, tmp_path: Path
) -> None:
    write_files(tracked, {**FILES, "large": LARGE})
    astrid.dvc.add_dataset(str(tracked))
    astrid.dvc.push_dataset("sn-train")
    with_keys.git(tmp_path, "clone", "--quiet", str(tracked.parent), "clone")
    clone = tmp_path / "clone" / "sn-train"
    with_keys.dvc(clone.parent, "pull")
    assert read_files(clone) == {**FILES, "large": LARGE}
    theirs = {"a.fits": b"theirs", "large": LARGE[::-1]}
    write_files(clone, theirs)
    with_keys.dvc(clone.parent, "add", "sn-train")
    with_keys.dvc(clone.parent, "push")  # through R2's rules: equal parts, plain checksums
    (listed,) = [v for v in astrid.dvc.list_versions(str(clone)) if v["version"] is None]
    astrid.dvc.pull_dataset(listed["dvc_hash"], str(tmp_path / "theirs"))
    assert read_files(tmp_path / "theirs") == theirs


def test_a_remote_may_be_another_bucket_of_the_server(
    astrid: AstridSession, data: Path, with_keys: Machine
) -> None:
    astrid.r2.create_bucket("astrid-dvc-other")
    write_files(data, {**FILES, "large": LARGE[: 9 << 20]})
    astrid.dvc.add_dataset(str(data), "s3://astrid-dvc-other/some/where")
    astrid.dvc.push_dataset("sn-train")
    assert astrid.dvc.pushed("sn-train").objects == 0
    before = read_files(data)
    write_files(data, {})
    data.rmdir()
    with_keys.dvc(data.parent, "pull")
    assert read_files(data) == before


def test_keys_stand_in_no_file_unless_asked_for(
    astrid: AstridSession, tracked: Path, machine: Machine, config: StorageConfig
) -> None:
    project, key = tracked.parent, config.secret_access_key.reveal()
    astrid.dvc.add_dataset(str(tracked))
    astrid.dvc.push_dataset("sn-train")
    assert _holding(project, key) == []
    astrid.dvc.add_dataset(str(tracked), save_credentials=True)
    assert [path.name for path in _holding(project, key)] == ["config.local"]
    local = project / ".dvc" / "config.local"
    assert local.stat().st_mode & 0o777 == 0o600
    assert machine.git(project, "status", "--porcelain") == ""
    assert machine.git(project, "check-ignore", ".dvc/config.local").strip() == ".dvc/config.local"
    write_files(tracked, {})
    tracked.rmdir()
    machine.dvc(project, "pull")  # without keys in the environment
    assert read_files(tracked) == FILES


def test_a_repository_without_git_keeps_its_keys_when_git_comes_later(
    astrid: AstridSession, data: Path, machine: Machine, config: StorageConfig
) -> None:
    project, key = data.parent, config.secret_access_key.reveal()
    astrid.dvc.add_dataset(str(data), save_credentials=True)
    machine.git(project, "init", "--quiet")
    machine.git(project, "add", "--all")
    held = machine.git(project, "grep", "--cached", "-l", "-e", key, "--or", "-e", "url")
    assert held.split() == [".dvc/config"]


def test_a_secret_is_in_no_repr_log_or_traceback(
    astrid: AstridSession, data: Path, config: StorageConfig, caplog: pytest.LogCaptureFixture
) -> None:
    key = config.secret_access_key.reveal()
    caplog.set_level("DEBUG")
    astrid.dvc.add_dataset(str(data), save_credentials=True)
    said = [repr(astrid.dvc), repr(vars(astrid.dvc)), caplog.text]
    (data.parent / ".dvc" / "config").write_text("[broken\n")
    try:
        astrid.dvc.add_dataset(str(data), save_credentials=True)
    except AstridError as error:
        said += ["".join(traceback.format_exception(error)), str(error)]
    assert len(said) == 5
    assert not any(key in text for text in said)
    with pytest.raises((AstridError, TypeError, pickle.PicklingError)):
        pickle.dumps(astrid.dvc)


def _requests(proxy: FaultProxy, work: object, sent: list[int] | None = None) -> Counter[str]:
    proxy.forget()
    assert callable(work)
    work()
    if sent is not None:
        sent += [len(logged.request.body) for logged in proxy.log]
    return Counter(logged.operation for logged in proxy.log)


def _holding(folder: Path, text: str) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if text.encode() in path.read_bytes()]
