"""A process that has imported the package, and forks for each command: seconds less than a new one.

A command in it is a process of its own all the same: its folder, environment, output, exit code
and end are its own.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SERVER = """
import json, os, sys
{imports}

for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
        continue
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environment"])
    for number, path in enumerate((os.devnull, job["out"], job["err"])):
        how = os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY
        os.dup2(os.open(path, how, 0o600), number)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, how, encoding="utf-8", closefd=False)
        for number, how in enumerate(("r", "w", "w"))
    )
    sys.argv = ["{program}", *job["words"]]
    {call}
"""


@dataclass(frozen=True)
class Program:
    """A program to be run: its name, what it imports, and how it is called."""

    name: str
    imports: str
    call: str

    @property
    def server(self) -> str:
        """The Python text of the process that forks for each command."""
        text = _SERVER.replace("{imports}", self.imports).replace("{program}", self.name)
        return text.replace("{call}", self.call)


ASTRID = Program(
    "astrid",
    # What is imported when it is first needed would be imported by each fork.
    "import pandas, boto3, astrid_sdk.session; from astrid_sdk.cli.main import main",
    'main(prog_name="astrid")',
)


class WarmCommands:
    """Runs commands in forks of one process, one after the other; close it at the end."""

    def __init__(self, environment: Mapping[str, str], program: Program = ASTRID) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-c", program.server],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(environment),
            text=True,
        )

    def run(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        at: Path | None = None,
    ) -> tuple[int, str, str]:
        """Return exit code, standard output and standard error of the program with `words`.

        What it says is kept in `folder`; it runs there where this process is, or `at` a folder.
        """
        out, err = folder / ".warm-out", folder / ".warm-err"
        job = {
            "words": list(words),
            "environment": dict(environment),
            "folder": str(at or Path.cwd()),
            "out": str(out),
            "err": str(err),
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        code = self._server.stdout.readline()
        assert code, "the process that forks has ended"
        return int(code), out.read_text("utf-8"), err.read_text("utf-8")

    def close(self) -> None:
        """End the process."""
        self._server.communicate()
