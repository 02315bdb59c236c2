"""One line of what `hil doctor` found."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARN = "ok", "warn"


@dataclass(frozen=True)
class Point:
    """One thing that was looked at.

    Attributes:
        level: "ok" or "warn".
        value: what was found.
        meaning: what that means for a loop.
        mend: how to get more, in one line to type where there is one; None when there is nothing to do.
        cost: what it costs here, as measured; None where it was not, or cannot be, measured.
    """

    name: str
    level: str
    value: str
    meaning: str
    mend: str | None = None
    cost: str | None = None


def boot_with(options: str) -> str:
    """The command that adds options to the kernel's command line, where GRUB starts it."""
    line = f'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX {options}"'
    return f"echo '{line}' | sudo tee /etc/default/grub.d/realtime.cfg && sudo update-grub && sudo reboot"
