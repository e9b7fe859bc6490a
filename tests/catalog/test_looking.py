"""Looks into files, in this process and in others."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from skies import Shot

from astrid_sdk.catalog.ingest import looking as looking_module
from astrid_sdk.catalog.ingest.gathering import NamedFile
from astrid_sdk.catalog.ingest.look import Look, look_into
from astrid_sdk.catalog.ingest.looking import LookingBeside, LookingHere, looking
from astrid_sdk.storage.source_files import mark_of


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[NamedFile]:
    """Good files and bad ones, more than are asked for at once."""
    monkeypatch.setattr(looking_module, "FEW_FILES", 0)
    found = []
    for number in range(20):
        path = Shot(noise_seed=number, size_px=16).write(tmp_path / f"{number:02}.fits")
        found.append((path.name, path))
    (tmp_path / "text.fits").write_text("no FITS")
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.fits"))
    odd.write_bytes((tmp_path / "00.fits").read_bytes())
    return [*found, ("text.fits", tmp_path / "text.fits"), ("odd", odd)]


def test_a_look_says_what_the_file_was_like_and_what_is_in_it(files: list[NamedFile]) -> None:
    name, path = files[0]
    look = look_into(name, path)
    assert (look.mark, look.refusal) == (mark_of(path), "")
    assert [said["night"] for said in look.summaries] == ["2024-04-05"]


@pytest.mark.parametrize("kind", ["folder", "pipe", "absent"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.fits"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    look = look_into("x.fits", path)
    assert look.refusal
    assert look.mark is None


def test_processes_tell_the_same_in_the_same_order(files: list[NamedFile]) -> None:
    here = list(LookingHere().begin(files))
    with closing(LookingBeside(2)) as beside:
        there = list(beside.begin(files))
    assert there == [Look.from_line(look.to_line()) for look in here]
    assert [bool(look.refusal) for look in there] == [*20 * [False], True, False]


def test_few_files_start_no_process() -> None:
    with looking(3) as chosen:
        assert isinstance(chosen, LookingHere)


def test_a_few_unknown_among_many_known_start_no_process(tmp_path: Path) -> None:
    path = Shot(size_px=16).write(tmp_path / "a.fits")
    with closing(LookingBeside(1)) as beside:
        assert not next(beside.begin([(path.name, path)])).refusal
        assert all(process._running is None for process in beside._all)


def test_many_files_are_looked_into_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking_module, "_cores", lambda: 2)
    with looking(100_000) as chosen:
        assert isinstance(chosen, LookingBeside)


def test_without_a_program_to_start_this_process_looks(
    files: list[NamedFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with closing(LookingBeside(1)) as beside:
        assert [bool(look.refusal) for look in beside.begin(files)].count(False) == 21


def test_a_file_that_ends_its_reader_is_named_and_the_others_are_read(
    files: list[NamedFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    deadly = (
        "import os, signal, sys; sys.path[:] = sys.argv[1:]\n"
        "from astrid_sdk.catalog.ingest import worker as it\n"
        "look = it.look_into\n"
        "def look_into(name, path):\n"
        "    if name == '07.fits':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return look(name, path)\n"
        "it.look_into = look_into; it.main()"
    )
    monkeypatch.setattr(looking_module, "_PROGRAM", deadly)
    with closing(LookingBeside(1)) as beside:
        looks = list(beside.begin(files))
    refused = [name for (name, _), look in zip(files, looks, strict=True) if look.refusal]
    assert refused == ["07.fits", "text.fits"]
    assert f"exit code {-signal.SIGKILL}" in looks[7].refusal


def test_closing_in_the_middle_ends_the_processes(files: list[NamedFile]) -> None:
    others = set(threading.enumerate())
    beside = LookingBeside(2)
    looks = beside.begin(files * 50)
    next(looks)
    assert beside._threads._threads <= set(threading.enumerate()) - others
    beside.close()
    assert all(process._running is None for process in beside._all)
    assert not beside._threads._threads & set(threading.enumerate())


def test_a_process_ends_when_the_one_it_works_for_does() -> None:
    code = (
        "import sys; from astrid_sdk.catalog.ingest import looking; p = looking._started()\n"
        "print(p.pid, flush=True); import os; os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    pid = int(answer.stdout)
    for _ in range(200):
        if not _is_running(pid):
            return
        time.sleep(0.05)
    pytest.fail("it went on")


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or ") Z" not in stat.read_text()
