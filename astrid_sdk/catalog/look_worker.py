"""A process that looks into files for another one, and ends when its input does.

A line of JSON in: a list of names and paths. For each of these a line of JSON out: the look.
"""

import json
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from astrid_sdk.catalog.look import look_into

READY = "ready\n"


def serve(requests: Iterable[str], answers: TextIO) -> None:
    """Answer `requests` one by one, so that a file that ends this process is known."""
    for line in requests:
        for name, path in json.loads(line):
            answers.write(look_into(name, Path(path)).to_line())
            answers.flush()


def main() -> None:
    """Serve standard input; what libraries print goes elsewhere than the answers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the other process's to answer
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        answers.write(READY)
        answers.flush()
        serve(sys.stdin, answers)
