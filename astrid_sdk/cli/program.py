"""What a person types to run this program again, and what it does before it becomes another."""

import shlex
import shutil
import signal
import sys
from pathlib import Path

_NAME = "astrid"


def program() -> str:
    """Return ``"astrid"``, or the path of the running one where no shell would find it."""
    own = Path(sys.argv[0]).absolute()
    if own.name != _NAME or not own.is_file() or shutil.which(_NAME):
        return _NAME
    here = Path.cwd()
    return shlex.quote(str(own.relative_to(here) if own.is_relative_to(here) else own))


def heed_interrupts() -> None:
    """Have what this process becomes hear interrupts.

    A script's background jobs ignore them, and so would the server, and the parts that it ends by
    them.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
