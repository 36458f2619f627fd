"""The command line: parse arguments, one library call, print. One module for each group of commands.

Everything heavy is imported by the command that needs it, so that `--help` answers at once.
"""

from __future__ import annotations

import sys

from medneg.cli.application import app
from medneg.errors import MednegError

# Imported for their commands, in the order in which `--help` lists them.
# isort: off
from medneg.cli import archives as archives
from medneg.cli import embedding as embedding
from medneg.cli import labelling as labelling
from medneg.cli import calibrating as calibrating
from medneg.cli import indexes as indexes
from medneg.cli import searching as searching
from medneg.cli import reading as reading
from medneg.cli import measuring as measuring
from medneg.cli import diagnosing as diagnosing
from medneg.cli import machine as machine
from medneg.cli import serving as serving
# isort: on

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; every foreseen error becomes one line on standard error and exit code 1."""
    from medneg.terminal.screen import complain

    try:
        app()
    except MednegError as error:
        complain(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        complain("stopped; what was finished is kept, run the same command again to go on")
        sys.exit(130)
