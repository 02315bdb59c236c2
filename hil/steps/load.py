"""Steps in a file: FILE or FILE:NAME."""

from __future__ import annotations

import inspect
from pathlib import Path

from hil.models.load import run_file
from hil.nearest import did_you_mean
from hil.steps.run import StepError, StepFunction


def load_steps(text: str) -> StepFunction:
    """The generator function of a Python file: the named one, or the only one that is defined there.

    Raises:
        StepError: there is no such file or function, or several and no name.
        RigError: the file cannot be run.
    """
    name = ""
    if not text.endswith(".py") and ":" in text:
        text, _, name = text.rpartition(":")
    path = Path(text)
    if not path.is_file():
        raise StepError("there is no such file", where=text, mend="Write --steps FILE.py or FILE.py:NAME")
    try:
        module = run_file(path)
    except SystemExit:
        raise StepError("ends the program when it is loaded", where=text, mend="Leave out sys.exit()") from None
    found: dict[str, StepFunction] = {
        key: value
        for key, value in vars(module).items()
        if inspect.isgeneratorfunction(value) and value.__module__ == module.__name__ and not key.startswith("_")
    }
    if name:
        if name not in found:
            raise StepError(f"has no generator function '{name}'", where=text, mend=did_you_mean(name, found))
        return found[name]
    if len(found) != 1:
        what = f"has {len(found)} generator functions: {', '.join(found)}" if found else "has no generator function"
        mend = f"Write --steps {text}:NAME" if found else "Write def name(step): with a yield in it"
        raise StepError(what, where=text, mend=mend)
    return next(iter(found.values()))
