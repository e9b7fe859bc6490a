"""What a person types to run this program again."""

import shlex
import shutil
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
