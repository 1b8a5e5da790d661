"""A drawn stack of court paper, for people without a scanner."""
