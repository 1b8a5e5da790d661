"""What a graphics card makes of pages, and how fast: parts of `benchmarks.gpu`.

Needs NumPy, numba, OpenCV, CuPy and `kernels`, nothing else of ours: so it runs on a machine that
has a card and little more. What else is compared with is looked for, and may be absent.
"""
