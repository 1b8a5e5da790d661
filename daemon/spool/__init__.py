"""Memory: what survives a power cut."""
