"""Each foreseeable mistake is one line that says what to do, exit code 2, and no traceback."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from cli.conftest import FirstRun
from cli.terminal import ASTRID, astrid, mistake
from click.testing import CliRunner

from astrid_sdk.cli.group import Commands
from astrid_sdk.cli.main import main
from astrid_sdk.config import child_environment

R2 = {
    "ASTRID_R2_ACCOUNT_ID": "account",
    "ASTRID_R2_ACCESS_KEY_ID": "key-that-nobody-may-see",
    "ASTRID_R2_SECRET_ACCESS_KEY": "secret-that-nobody-may-see",
    "ASTRID_R2_BUCKET_NAME": "bucket",
}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["demo", "--imges", "x"], "No such option"),
        (["demo", "--store"], "requires an argument"),
        (["nosuch"], "No such command 'nosuch'"),
        (["ui", "--port", "99999"], "not in the range"),
        (["put"], "Missing argument 'PATH...'"),
        (["put", "x", "--purpose", "fun"], "'science', 'reference'"),
        (["put", "missing.fits"], "there is no file or folder missing.fits"),
        (["put", "empty"], "no FITS file in empty"),
        (["put", "a file", "--tier", "models"], "models holds no observations"),
        (["put", "a file", "--tier", "images"], "the tiers are raw-observations"),
        (["exclude", "00000000"], "Missing option '--reason'. See astrid exclude --help"),
        (["get", "00000000", "out.fits"], "astrid get 00000000 -o FILE. See astrid get --help"),
        (["include", "00000000", "x"], "extra argument (x). See astrid include --help"),
        (["demo", "--store", "s3://bucket"], "--store takes a folder"),
        (["demo", "--json", "missing/facts.json"], "there is no folder missing for --json"),
        (["demo", "--json", "."], "is a folder: name a file"),
        (["demo", "--images", "missing"], "there is no folder missing"),
        (["demo", "--images", "a file"], "is a file: give --images the folder"),
        (["demo", "--images", "empty"], "no FITS file in empty"),
        (["demo", "--images", "half"], "has reference/ but no science/"),
    ],
)
def test_a_mistake_is_one_line_and_makes_no_store(words: list[str], said: str) -> None:
    Path("empty").mkdir()
    Path("half/reference").mkdir(parents=True)
    Path("a file").touch()

    assert said in mistake(*words)
    assert not Path(".astrid").exists()


@pytest.mark.parametrize("command", [["find"], ["get", "0" * 8], ["why", "0" * 8]])
def test_looking_into_a_store_that_is_not_there_makes_none(command: list[str]) -> None:
    assert "no store is in" in mistake(*command, "--store", "typo")
    assert not Path("typo").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["get", "1234"], "at least 8 digits"),
        (["get", "0" * 64], "nothing stored has a hash"),
        (["why", "not-a-hash"], "nothing stored has a hash"),
        (["exclude", "0" * 8, "--reason", "trailed"], "nothing stored has a hash"),
        (["include", "0" * 8], "nothing stored has a hash"),
        (["find", "--tier", "images"], "the tiers are raw-observations"),
        (["find", "--after", "yesterday"], "write it as 2024-"),
        (["find", "--cone", "400", "95", "1"], "ICRS degrees"),
        (["put", "missing.fits"], "there is no file or folder missing.fits"),
    ],
)
def test_what_the_store_does_not_know_is_said_in_one_line(
    first_run: FirstRun, words: list[str], said: str
) -> None:
    answer = CliRunner().invoke(main, [*words, "--store", str(first_run.store)])

    assert (answer.exit_code, answer.stdout) == (2, "")
    (line,) = answer.stderr.splitlines()
    assert said in line


def test_a_file_that_is_there_is_not_overwritten(first_run: FirstRun) -> None:
    content_hash = first_run.facts["content_hashes"][0]
    Path("mine").write_text("precious")

    line = mistake("get", content_hash, "-o", "mine", "--store", first_run.store)

    assert "mine is there already" in line
    assert Path("mine").read_text() == "precious"


def test_a_file_that_cannot_be_stored_fails_the_command() -> None:
    Path("notes.fits").write_text("no image\n")

    answer = astrid("put", "notes.fits", "--store", "store")

    assert answer.code == 2
    assert "notes.fits is not a FITS file" in answer.out


@pytest.mark.parametrize("store", ["a file", "a file/below", "/proc/astrid", "/dev/null/astrid"])
def test_a_store_that_cannot_be_written_is_refused(first_run: FirstRun, store: str) -> None:
    Path("a file").touch()

    line = mistake("demo", "--images", first_run.images, "--store", store)

    assert store in line
    assert "give --store a folder" in line


def test_an_immutable_folder_is_refused(first_run: FirstRun) -> None:
    folder = Path("kept")
    folder.mkdir()
    with _immutable(folder):
        line = mistake("demo", "--images", first_run.images, "--store", folder / "store")

    assert "cannot write the folder kept/store (Operation not permitted)" in line


@contextmanager
def _immutable(folder: Path) -> Iterator[None]:
    try:
        subprocess.run(["chattr", "+i", folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no folder can be made immutable here")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", folder], check=True)


def test_one_frame_per_filter_is_refused(first_run: FirstRun, tmp_path: Path) -> None:
    only = tmp_path / "only"
    only.mkdir()
    frame = first_run.images / "reference" / "reference-0.fits"
    (only / "frame.fits").write_bytes(frame.read_bytes())

    answer = astrid("demo", "--images", only, "--store", "store")

    assert answer.code == 2
    assert "add another epoch" in answer.err.splitlines()[-1]


def test_half_a_configuration_names_what_is_missing() -> None:
    line = mistake("demo", environment={"ASTRID_R2_BUCKET_NAME": "bucket"})

    assert "ASTRID_R2_SECRET_ACCESS_KEY" in line


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "https://r2.invalid"])
def test_an_endpoint_that_does_not_answer_is_one_line_without_secrets(
    first_run: FirstRun, endpoint: str
) -> None:
    environment = R2 | {"ASTRID_R2_ENDPOINT_URL": endpoint}

    line = mistake("demo", "--images", first_run.images, environment=environment)

    assert endpoint in line
    assert "nobody-may-see" not in line


# A job that a shell started in the background hands on that it ignores Ctrl-C.
HEED_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "


@pytest.mark.parametrize("stage", ["storing ...\n", "searching ...\n"])
def test_ctrl_c_ends_with_one_line(first_run: FirstRun, tmp_path: Path, stage: str) -> None:
    command = ["demo", "--images", first_run.images, "--store", tmp_path / "store"]
    process = subprocess.Popen(
        [sys.executable, "-c", HEED_CTRL_C + ASTRID, *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=child_environment({}),
    )
    assert process.stderr is not None
    while process.stderr.readline() != stage:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)

    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("astrid: stopped: what was done is kept")
    assert "Traceback" not in said


def test_a_library_that_has_its_own_name_for_ctrl_c_is_understood() -> None:
    class StoppedByHand(BaseException):
        pass

    @click.group(cls=Commands)
    def group() -> None: ...

    @group.command()
    def work() -> None:
        raise StoppedByHand

    answer = CliRunner().invoke(group, ["work"])

    assert answer.exit_code == 130
    assert answer.stderr.startswith("astrid: stopped")
