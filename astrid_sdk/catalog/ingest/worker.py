"""A process that looks into files for another one, and ends when its input does.

A line of JSON in: a list of names and paths. For each of these a line out: the look.
"""

import gc
import json
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from astrid_sdk.catalog.ingest.look import look_into

READY = "ready\n"


def serve(requests: Iterable[str], answers: TextIO) -> None:
    """Answer `requests` one by one."""
    for line in requests:
        looks = [look_into(name, Path(path)).to_line() for name, path in json.loads(line)]
        answers.write("".join(looks))
        answers.flush()  # once: whoever waits for it is woken each time


def main() -> None:
    """Serve standard input; what libraries print goes elsewhere than the answers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the other process's to answer
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        answers.write(READY)
        answers.flush()
        gc.freeze()  # what is imported stays: it need not be gone through again and again
        serve(sys.stdin, answers)
