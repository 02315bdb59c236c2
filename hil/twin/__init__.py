"""The closed-loop twin: what it did, and by whose leave."""
