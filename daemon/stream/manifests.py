"""The manifest of a case, from the accounts of the ledger."""
