"""The command line `hil`. Exit codes: 0 done, 1 the run or check failed, 2 bad input, 130 and 143 ended by a signal."""

from __future__ import annotations

import os
import sys

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code. Errors are one line each on stderr; HIL_DEBUG=1 shows tracebacks."""
    from hil.cli import output, signals
    from hil.errors import HilError

    args = sys.argv[1:] if argv is None else argv
    debug = os.environ.get("HIL_DEBUG", "") not in ("", "0")
    with signals.exit_on_terminate():
        try:
            return _run(args)
        except HilError as error:
            if debug:
                raise
            return output.report_error(error, as_json="--json" in args)
        except KeyboardInterrupt:
            return INTERRUPTED
        except BrokenPipeError:  # the reader of our output has gone, as `hil status | head -1` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        except OSError as error:
            if debug:
                raise
            return output.report_os_error(error, as_json="--json" in args)
        except Exception as error:
            if debug:
                raise
            return output.report_bug(error)


def _run(args: list[str]) -> int:
    from hil.cli.app import app
    from hil.errors import HilError

    try:
        code = app(args)
    except Exception as error:
        # Typer's own errors of usage, by their shape: their class moves between its versions.
        if not hasattr(error, "format_message"):
            raise
        message = error.format_message().removeprefix("Value error, ").replace(": Value error, ", ": ").rstrip(".")
        command = getattr(getattr(error, "ctx", None), "command_path", "hil")
        raise HilError(message or "a command is missing", mend=f"See {command} --help") from None
    return code if isinstance(code, int) else DONE
