"""Imaging: pure functions on rasters. No file, no clock, no log, no network."""
