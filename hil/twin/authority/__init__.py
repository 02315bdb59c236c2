"""A twin's authority: what it may do to a set point, by whose leave, and what came of it.

Read `envelope.py` (what a person allows, signed), `gate.py` (the one way to the blocks `authority`, which enforce it in
C), `ladder.py` (how far an action may go), `proposal.py` (what the twin wants), `verification.py` (whether that came
true) and `desk.py`, where all of it meets.
"""
