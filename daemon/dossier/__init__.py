"""Paperwork: the court's rules as data. No I/O, no clock but the one passed in."""
