"""Several writers of one dataset, and one that is stopped anywhere: nothing is lost or doubled."""

import subprocess
import sys
from pathlib import Path

import pytest
from dvc_cli import FILES, Machine, read_files, write_files
from stores import CrashingStore

import astrid_sdk
from astrid_sdk.config import child_environment
from astrid_sdk.datasets.dvc.client import DVCClient
from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.session import AstridSession

PROCESSES = 3
EACH = 2
WRITER = """
import sys
from pathlib import Path
import astrid_sdk
store, folder, mine = sys.argv[1:]
with astrid_sdk.connect(store) as astrid:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range({each}):
        Path(folder, mine).write_text(f"{{mine}} {{number}}")
        print(astrid.dvc.version_dataset(folder, f"{{mine}} {{number}}"), flush=True)
"""


@pytest.mark.parametrize("is_one_folder", [True, False])
def test_several_processes_version_one_dataset_without_a_gap(
    client: DVCClient, tmp_path: Path, *, is_one_folder: bool
) -> None:
    folders = [tmp_path / "project-0" / "sn"] * PROCESSES
    if not is_one_folder:
        folders = [tmp_path / f"project-{number}" / "sn" for number in range(PROCESSES)]
    for folder in dict.fromkeys(folders):
        client.add_dataset(str(write_files(folder)), dataset_id="sn")
    writers = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                WRITER.format(each=EACH),
                str(tmp_path / "store"),
                folder,
                str(i),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=child_environment({}),
            text=True,
        )
        for i, folder in enumerate(folders)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    told = [writer.communicate(timeout=120)[0].split() for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * PROCESSES
    listed = client.list_versions("sn")
    assert [each["version"] for each in listed] == list(range(1, len(listed) + 1))
    assert {name for names in told for name in names} <= {each["name"] for each in listed}
    for number, names in enumerate(told):
        client.pull_dataset(names[-1], str(tmp_path / f"told-{number}"))
        last = read_files(tmp_path / f"told-{number}")
        assert last[str(number)] == f"{number} {EACH - 1}".encode()


def test_one_that_was_stopped_between_any_two_writes_is_completed_by_calling_again(
    astrid: AstridSession, tmp_path: Path
) -> None:
    stopped = 0
    while True:
        bucket = f"stopped-{stopped}"
        data = write_files(tmp_path / bucket / "sn-train")
        home = tmp_path / f"home-{stopped}"
        astrid.r2.create_bucket(bucket)
        session = AstridSession(CrashingStore(astrid.r2, stopped), bucket, home)
        try:
            session.dvc.add_dataset(str(data), progress=False)
            session.dvc.push_dataset("sn-train", progress=False)
        except StorageUnavailableError:
            is_over = False
        else:
            is_over = True
        session.close()
        with AstridSession(astrid.r2, bucket, home) as again:
            assert again.dvc.add_dataset(str(data), progress=False) == "sn-train"
            again.dvc.push_dataset("sn-train", progress=False)
            assert again.dvc.pushed("sn-train").objects == 0
            assert [each["version"] for each in again.dvc.list_versions(str(data))] == [1]
            again.dvc.pull_dataset("sn-train@v1", str(tmp_path / "out" / bucket))
        assert read_files(tmp_path / "out" / bucket) == FILES
        stopped += 1
        if is_over:
            break
    assert stopped > 10


def test_dvc_itself_waits_while_we_work_and_we_for_dvc(
    client: DVCClient, data: Path, machine: Machine
) -> None:
    client.add_dataset(str(data))
    from astrid_sdk.datasets.dvc.workspace import Workspace  # noqa: PLC0415 - what is held

    with (
        Workspace(data.parent).locked(),
        pytest.raises(AssertionError, match="Unable to acquire lock"),
    ):
        machine.dvc(data.parent, "add", "sn-train")


def test_nothing_of_the_process_is_changed(client: DVCClient, data: Path) -> None:
    before = child_environment({}), Path.cwd()
    client.add_dataset(str(data))
    client.push_dataset("sn-train")
    assert (child_environment({}), Path.cwd()) == before


def test_the_sdk_and_its_client_do_not_import_dvc_before_it_is_used() -> None:
    words = (
        "import sys, astrid_sdk; astrid_sdk.connect('memory://').dvc; "
        "print([name for name in sys.modules if name.split('.')[0] in ('dvc', 'scmrepo')])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", words], check=True, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "[]"
    assert astrid_sdk.__all__


def test_dagsters_selections_work_beside_dvc() -> None:
    dagster = pytest.importorskip("dagster")
    assert dagster.AssetSelection.from_string("key:a+") is not None
