"""A process that dies at any step loses nothing, and brings nothing twice."""

import subprocess
import sys
from pathlib import Path

from switched import BUCKET

from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.outbox import Outbox

ROOT = Path(__file__).resolve().parents[2]


CRASHING = """
import json, os, sys
from pathlib import Path
from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.storage import outbox
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.operations import Put
from astrid_sdk.storage.spooling import SpoolingStorage
from astrid_sdk.storage.wrapping import WrapperStorage

steps = most = 0


def step():
    global steps
    steps += 1
    if steps > most:
        os._exit(9)


def stepping(function):
    def stepped(*args, **options):
        step()
        result = function(*args, **options)
        step()
        return result
    return stepped


class Store(WrapperStorage):
    def __init__(self, folder, is_away):
        super().__init__(LocalStorageClient(folder / "store"))
        self.log, self.is_away = folder / "written", is_away

    def perform(self, operation):
        if self.is_away:
            raise StorageUnavailableError("away", wrote=False, transient=True)
        step()
        result = self.inner.perform(operation)
        if operation.writes:
            with self.log.open("a") as log:
                log.write(operation.where + chr(10))
        step()
        return result


outbox.os.fsync = stepping(lambda descriptor: None)  # the disk outlives a process
outbox.Path.replace = stepping(outbox.Path.replace)
outbox.Path.unlink = stepping(outbox.Path.unlink)


def write(folder):
    storage = SpoolingStorage(Store(folder, True), folder / "spool")
    for number in range(2):
        storage.perform(Put(bucket="astrid-storage", key=f"temp/{number}", data=b"%d" % number,
                            content_type="a/b"))
        with (folder / "acknowledged").open("a") as log:
            log.write(f"temp/{number}" + chr(10))


def drain(folder):
    SpoolingStorage(Store(folder, False), folder / "spool").sync()


def survives(action, folder, bound):
    '''Do it in a process that dies after so many steps; return whether it came to its end.'''
    global most
    child = os.fork()
    if not child:
        most = bound
        action(folder)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9), code
    return code == 0


def sweep(action):
    for bound in range(500):
        folder = root / f"{bound:03d}"
        folder.mkdir()
        LocalStorageClient(folder / "store").create_bucket("astrid-storage")
        if action == "drain":
            survives(write, folder, 10_000)
        is_done = survives(globals()[action], folder, bound)
        survives(drain, folder, 10_000)
        if is_done:
            return


root, action = Path(sys.argv[1]), sys.argv[2]
most = 10_000
if len(sys.argv) > 3:
    globals()[action](root)
else:
    sweep(action)
"""


class TestCrashes:
    def run(self, *arguments: str | Path) -> None:
        command = [sys.executable, "-c", CRASHING, *map(str, arguments)]
        subprocess.run(command, check=True, cwd=ROOT)

    def stored(self, folder: Path) -> dict[str, bytes]:
        store = LocalStorageClient(folder / "store")
        keys = store.list_files(BUCKET, "temp/")
        return {key: store.download_file(BUCKET, key) for key in keys}

    def test_a_crash_while_writing_loses_nothing_that_was_acknowledged(
        self, tmp_path: Path
    ) -> None:
        self.run(tmp_path, "write")
        folders = sorted(tmp_path.iterdir())
        for folder in folders:
            acknowledged = folder / "acknowledged"
            said = acknowledged.read_text().split() if acknowledged.exists() else []
            stored = self.stored(folder)
            assert set(said) <= set(stored)
            assert stored == {f"temp/{number}": b"%d" % number for number in range(len(stored))}
            assert not Outbox(folder / "spool/outbox").entries()
        assert len(folders) > 10

    def test_a_crash_while_draining_brings_each_write_once_and_in_order(
        self, tmp_path: Path
    ) -> None:
        self.run(tmp_path, "drain")
        folders = sorted(tmp_path.iterdir())
        for folder in folders:
            assert self.stored(folder) == {"temp/0": b"0", "temp/1": b"1"}
            assert (folder / "written").read_text().split() == ["temp/0", "temp/1"]
            assert not Outbox(folder / "spool/outbox").entries()
        assert len(folders) > 10

    def test_processes_that_drain_together_bring_each_write_once(self, tmp_path: Path) -> None:
        LocalStorageClient(tmp_path / "store").create_bucket(BUCKET)
        self.run(tmp_path, "write", "whole")
        command = [sys.executable, "-c", CRASHING, str(tmp_path), "drain", "whole"]
        started = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
        assert [process.wait() for process in started] == [0, 0, 0]
        assert (tmp_path / "written").read_text().split() == ["temp/0", "temp/1"]
        assert self.stored(tmp_path) == {"temp/0": b"0", "temp/1": b"1"}
