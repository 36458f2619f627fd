"""Progress with a rate and the time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from rich.text import Text

from medneg.terminal.screen import complaints

if TYPE_CHECKING:
    from rich.progress import Task

Progress = Callable[[int, int], None]
"""Called with (done, total) as work goes on."""


@contextmanager
def progress_bar(what: str, unit: str) -> Iterator[Progress]:
    """Show a bar with the rate in ``unit`` per second and the time left, on standard error.

    On anything but a terminal it stays silent until the end and then says one line.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.1f} {unit}/s" if speed else f"– {unit}/s", style="cyan")

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Bar(*columns, console=complaints, speed_estimate_period=60) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def bar_if_long(what: str, unit: str, *, least: int) -> Iterator[Progress]:
    """A progress bar that is shown only for work of at least so many steps."""
    with ExitStack() as opened:
        shown: list[Progress] = []

        def tell(done: int, total: int) -> None:
            if total < least:
                return
            if not shown:
                shown.append(opened.enter_context(progress_bar(what, unit)))
            shown[0](done, total)

        yield tell
