"""The command line: `symgrad layers|derive|gen|verify|docs|train|demo`, one file per command.

Exit codes: 0 yes, 1 the answer is no, 2 bad input. Results go to standard output, messages to
standard error. Commands import what they need when they run: `symgrad derive` must
not wait for torch.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

YES, NO, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; no exception leaves, but with `--debug`."""
    from symgrad.cli.app import app  # noqa: PLC0415 (typer loads when a command runs)
    from symgrad.cli.console import complain  # noqa: PLC0415

    args = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in args
    try:
        app([a for a in args if a != "--debug"], prog_name="symgrad", standalone_mode=True)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else NO
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has had enough
        sys.stderr.close()
        return YES
    except Exception as error:
        if debug:
            raise
        complain(error, as_json="--json" in args)
        return BAD_INPUT
    return YES
