"""Suian (随案): the daemon of one scanning appliance in a court's filing hall.

The way of a sheet::

    hopper -> feeder      the paper path: one sheet at a time, two faces, every fault by its name
           -> pipeline    each face through the kernels: blank, skew, rotate, crop, encode
           -> dossier     what a separator means: case, stage, material, position
           -> spool       pages and journal on disk, in the one order that survives a power cut
           -> stream      the court server pulls the journal over gRPC and acknowledges it
    inbox  -> spool       electronic files enter the same journal
    metrics               every fact, where it happens
"""

from typing import Final

__version__: Final = "0.1.0"
