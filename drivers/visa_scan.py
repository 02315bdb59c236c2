"""Which instruments there are: what VISA lists, and what each answers to *IDN?. Every wait is bounded."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable
from dataclasses import dataclass

from hil.drivers.visa import Session, manager
from hil.drivers.visa_dialect import model_of
from hil.drivers.visa_resource import Resource, aliases
from hil.errors import BusError

SERIAL = ("ASRL", "PRLGX")
NOT_ASKED = "a serial line is asked only when it is named: opening one restarts some boards"
LIST_S = 10.0  # some libraries ask the whole network
AT_ONCE = 8


@dataclass
class Found:
    """A resource, and what is there.

    Attributes:
        alias: a name of this computer for it.
        idn: its answer to *IDN?; None: none.
        model: the model of HIL that fits; None: none does.
        error: why there is no answer.
    """

    resource: str
    alias: str | None = None
    idn: str | None = None
    model: str | None = None
    error: str | None = None


def list_resources(library: str, timeout_s: float = LIST_S) -> list[str]:
    """Names of what a VISA library sees.

    Raises:
        BusError: there is no such library, or it does not come to an end.
    """
    rm, names, failed = manager(library), list[str](), list[str]()

    def look() -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of optional parts that are not installed
                names.extend(str(name) for name in rm.list_resources("?*"))
        except Exception as error:  # libraries raise what they like
            failed.append(" ".join(str(error).split()))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive() or failed:
        why = failed[0] if failed else f"does not come to an end in {timeout_s:g} s"
        raise BusError(f"looking for resources: {why}", where=library, mend="Name them: hil scan visa RESOURCE")
    return names


def look(resources: Iterable[str], library: str, timeout_s: float, *, serial: bool = True) -> list[Found]:
    """Asks each resource who it is, several at a time; one without an answer takes twice `timeout_s` at most.

    Args:
        resources: names.
        library: VISA library.
        timeout_s: longest wait for an answer.
        serial: False leaves serial lines unasked.
    """
    by_resource = {resource: name for name, resource in aliases().items()}
    found = [Found(name, by_resource.get(name)) for name in dict.fromkeys(resources)]
    waiting = iter(found)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                each = next(waiting, None)
            if each is None:
                return
            if not serial and each.resource.startswith(SERIAL):
                each.error = NOT_ASKED
            else:
                _ask(each, library, timeout_s)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(AT_ONCE, len(found)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _ask(each: Found, library: str, timeout_s: float) -> None:
    try:
        session = Session(Resource(each.resource, library), timeout_s=timeout_s, read_end="\n", write_end="\n")
    except BusError as error:
        each.error = error.message
        return
    try:
        each.idn = session.query("*IDN?")
        each.model = model_of(each.idn)
    except BusError as error:
        each.error = error.message
    finally:
        session.close()
