"""The wire proxy: stands between two programs or cables and puts communication faults into what they say.

    with open_proxy("modbus-tcp://127.0.0.1:1502", "modbus-tcp://192.168.0.10:502", plan="faults.toml") as proxy:
        ...
    print(proxy.summary())

`docs/proxy.md` has the faults and the plan file.
"""

from hil.proxy.plan import Plan, read_plan
from hil.proxy.proxy import Proxy, open_proxy
from hil.proxy.vocabulary import KINDS

__all__ = ["KINDS", "Plan", "Proxy", "open_proxy", "read_plan"]
