"""The ledger of a twin: append-only, chained by hashes, anchored by signed checkpoints outside it.

An entry's hash covers its number, time, kind, the hash of its body and the hash of the entry before it. A checkpoint
signs how many entries there are and the newest one's hash: what it covers can no longer be changed or cut off unseen.
Entries behind the newest checkpoint are the *unanchored tail*: a change that leaves loose ends is found there too, but
not one that makes the whole tail anew.

Personal data lies beside the chain. The chained body has only a commitment to it, SHA-256 of a random salt and the
value, so that it can be erased and the chain still verifies; an entry tells of each erasure.

Read `entry.py` first, then `store.py`, `checkpoint.py`, `audit.py`.
"""

from hil.twin.ledger.audit import Audit, Finding, audit
from hil.twin.ledger.checkpoint import Checkpoint, read_checkpoints, write_checkpoint
from hil.twin.ledger.entry import Entry
from hil.twin.ledger.store import Ledger

__all__ = ["Audit", "Checkpoint", "Entry", "Finding", "Ledger", "audit", "read_checkpoints", "write_checkpoint"]
