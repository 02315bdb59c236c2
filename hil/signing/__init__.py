"""Keys and signed texts: who vouches for a record, an authority or a ledger."""
