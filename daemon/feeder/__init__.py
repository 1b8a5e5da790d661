"""Paper: the scanner, its link, its paper path and its twin made of software."""
