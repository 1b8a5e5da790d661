"""Pages drawn for the benchmarks, with the truth about each; the same seed gives the same bytes."""
