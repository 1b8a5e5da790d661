"""Off-site: the journal as one encrypted, signed file. See README.md for the format."""
