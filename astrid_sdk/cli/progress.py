"""What a person sees while the demo works: a bar per stage, or a line where nobody watches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

Move = Callable[[int, int, str], None]
"""Called with parts done, parts in all (0: unknown), and the part at hand."""
Stage = Callable[[str], Move]
"""Opens a stage by its name and returns what moves it; the stage before it has ended."""

_BAR_WIDTH = 24


@contextmanager
def stages(console: Console) -> Iterator[Stage]:
    """Yield a function that opens a stage."""
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(_BAR_WIDTH),
        TextColumn("{task.fields[count]:>5}"),
        TimeElapsedColumn(),
        TextColumn(
            "{task.fields[said]}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
        ),
    )
    with Progress(*columns, console=console, expand=True, disable=not console.is_terminal) as bars:

        def stage(name: str) -> Move:
            _end_all(bars)
            if not console.is_terminal:
                console.print(f"{name} ...", markup=False, highlight=False)
            task = bars.add_task(name, total=None, said="", count="")
            return lambda done, total, said: _move(bars, task, (done, total), said)

        yield stage
        _end_all(bars)


def _move(bars: Progress, task: TaskID, counted: tuple[int, int], said: str) -> None:
    done, total = counted
    count = f"{done}/{total}" if total else ""
    bars.update(task, completed=done, total=total or None, said=said, count=count)


def _end_all(bars: Progress) -> None:
    for task in bars.tasks:
        if not task.finished:
            total = task.total or 1
            bars.update(task.id, completed=total, total=total, said="")
