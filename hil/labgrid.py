"""HIL rigs as labgrid resources, so that a lab can reserve them over the network: docs/labgrid.md.

labgrid (LGPL-2.1-or-later) needs its own fork of pyserial, so it is an extra of its own. Name this module in `imports`
of labgrid's environment file: `HilRig` is a resource that an exporter offers, `HilBench` the driver that opens it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory
from labgrid.resource import Resource

from hil.errors import HilError

if TYPE_CHECKING:
    from hil.bench import Bench


@target_factory.reg_resource
@attr.s(eq=False)
class HilRig(Resource):  # type: ignore[misc]
    """A rig at a place.

    Attributes:
        rig: name, folder or file of the rig, as this side has it.
        urls: "device=url device=url": where its devices are in the lab; "" as the rig says.
        bind: "role=level role=level": how its roles are bound there; "" as the rig says.
    """

    rig: str = attr.ib(validator=attr.validators.instance_of(str))
    urls: str = attr.ib(default="", validator=attr.validators.instance_of(str))
    bind: str = attr.ib(default="", validator=attr.validators.instance_of(str))


@target_factory.reg_driver
@attr.s(eq=False)
class HilBench(Driver):  # type: ignore[misc]
    """Opens the rig of a place that is reserved: `with target.get_driver("HilBench").open() as bench: ...`."""

    bindings = {"rig": HilRig}  # noqa: RUF012 (labgrid's way to say it)

    @Driver.check_active  # type: ignore[untyped-decorator]
    def open(self, **options: Any) -> Bench:
        """A bench in real time with the place's devices and bindings; `options` are those of `hil.open_bench`.

        Raises:
            HilError: as `hil.open_bench`, or the place's urls or bindings cannot be read.
        """
        import hil

        urls = {**pairs(self.rig.urls, "urls"), **options.pop("urls", {})}
        bind = {**pairs(self.rig.bind, "bind"), **options.pop("bind", {})}
        return hil.open_bench(self.rig.rig, **{"time": "real", **options}, urls=urls, bind=bind)


def pairs(text: str, what: str) -> Mapping[str, str]:
    """Reads a table from a text such as "a=b c=d".

    Raises:
        HilError: a part has no =.
    """
    found = {}
    for part in text.split():
        name, equals, value = part.partition("=")
        if not (name and equals and value):
            raise HilError(f"'{part}' is not NAME=VALUE", where=f"labgrid: HilRig: {what}", mend="As in plc=pil")
        found[name] = value
    return found
