"""Workshop: a face through the kernels, a sheet through the gate."""
