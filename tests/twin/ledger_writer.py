"""Appends to a ledger until it is ended, and says the number of each entry once it is on the disk."""

import sys
from pathlib import Path

from hil.twin.ledger import Ledger

with Ledger(Path(sys.argv[1])) as ledger:
    for i in range(int(sys.argv[2])):
        entry = ledger.append("decision", {"step": i, "text": "x" * 200}, {"person": f"Person {i}"})
        print(entry.number, flush=True)
