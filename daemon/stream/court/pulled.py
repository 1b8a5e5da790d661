"""The account of one run of the puller."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from daemon.stream.court.received import Received


@dataclass(slots=True)
class Pulled:
    """What one run brought.

    Attributes
    ----------
    entries, files, size_bytes, redacted
        Since the run began; redacted are those whose record we may not read.
    connections
        How often the appliance was reached.
    open_batch
        The batch that was still open when the run ended, 0 when none.
    damaged
        Blobs the appliance could not give: `<page id>-<role>`.
    without_bytes
        Blobs that the appliance had let go of, as it may; only with `accept_released`.
    manifests, without_manifest
        Cases whose manifest was fetched; cases for which the appliance gave none.
    pdfs, without_pdf
        How many were written; materials of which none can be made.
    """

    entries: int = 0
    files: int = 0
    size_bytes: int = 0
    redacted: int = 0
    connections: int = 0
    open_batch: int = 0
    damaged: list[str] = field(default_factory=list)
    without_bytes: list[str] = field(default_factory=list)
    manifests: list[str] = field(default_factory=list)
    without_manifest: list[str] = field(default_factory=list)
    pdfs: int = 0
    without_pdf: list[str] = field(default_factory=list)

    def count(self, group: Sequence[Received]) -> None:
        """Count a group that was stored."""
        for entry in group:
            self.entries += 1
            self.redacted += entry.record is None
            for part in entry.parts:
                if part.part is not None:
                    self.files += 1
                    self.size_bytes += part.size_bytes
                else:
                    lacking = self.without_bytes if part.released else self.damaged
                    lacking.append(f"{part.page_id}-{part.role}")

    def keep_manifest(self, case_key: str) -> None:
        """Count a manifest that was fetched."""
        if case_key not in self.manifests:
            self.manifests.append(case_key)
        if case_key in self.without_manifest:
            self.without_manifest.remove(case_key)

    def lack_manifest(self, case_key: str) -> None:
        """Count a manifest that was not given."""
        if case_key not in self.without_manifest:
            self.without_manifest.append(case_key)
