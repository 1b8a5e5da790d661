"""Exit: the court server pulls pages here.

The way out, call by call::

    port or socket -> server      limits, health, certificates that reload
                   -> turnstile   who may be inside, and how many at once
                   -> refusals    which status answers which error
                   -> pages       Pull, Acknowledge, ReadBlob     pull, blob_source, streams
                      paperwork   GetBatch, Amend, CloseBatch     amend, manifests
                      appliance   GetStatus, Pause, Resume
                      access      who calls, and what that one may

    court/       the other side: what a court pulls with, and where it keeps it
    bundle/      the same journal as a file, where there is no network
"""
