"""How a command ends: a foreseeable mistake is one line on stderr, never a traceback."""

import io
import sys
from types import TracebackType
from typing import Any, NoReturn

import click
from typing_extensions import override

from astrid_sdk.errors import AstridError

BAD_INPUT = 2
_INTERRUPTED = 130  # as shells report SIGINT
_STOPPED = "stopped: what was done is kept, the same command goes on from there"


class Commands(click.Group):
    """A group whose commands end a foreseeable mistake with one line and exit code 2."""

    @override
    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run a command and exit."""
        _take_any_character(sys.stdout)
        try:
            with _Interrupts():
                code = super().main(*args, **{**extra, "standalone_mode": False})
        except AstridError as error:
            _end(error.message)
        except click.ClickException as error:
            _end(_usage(error))
        except click.Abort:
            _end(_STOPPED, _INTERRUPTED)
        except OSError as error:
            _end(_system(error))
        sys.exit(code if isinstance(code, int) else 0)


class _Interrupts:
    """Turns what stands for Ctrl-C in a library into `click.Abort`.

    Such an error is no `Exception` and no exit, whatever the library calls it: Dagster, which
    this module must not import, raises one of its own.
    """

    def __enter__(self) -> None:
        """Begin to watch."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Look at how the command ended."""
        if kind is not None and not issubclass(kind, (Exception, SystemExit)):
            raise click.Abort from error


def _end(message: str, code: int = BAD_INPUT) -> NoReturn:
    click.echo(f"astrid: {message}", err=True)
    sys.exit(code)


def _usage(error: click.ClickException) -> str:
    said = " ".join(error.format_message().split())
    said += "" if said.endswith((".", "!", "?")) else "."
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{said} See {context.command_path} --help" if context else said


def _system(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}: check the rights and the space on the disk"


def _take_any_character(stream: Any) -> None:
    """Show what the terminal's encoding lacks as an escape: file names come from anywhere."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
