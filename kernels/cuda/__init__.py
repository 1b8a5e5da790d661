"""The kernels in CUDA C and what launches them: an operation is a `.cuh` and a `.py` of one name.

`page.cu` is all of them; `gpu.py` is the card. A launcher takes what its numba twin takes, works in
the slot that it is given in place of buffers, and gives what its twin gives, equal by `==`.
"""
