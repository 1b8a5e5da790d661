"""The reconciliation table, as a person reads it at the end of a demonstration."""

from collections.abc import Iterator, Sequence

from daemon.commands.demo.reckoning import Reckoning
from daemon.page import Fate


def table(reckoning: Reckoning, cleared: Sequence[str], seconds: float) -> str:
    """Return the table as text; `cleared` are the causes the clerk has cleared."""
    return "\n".join(f"{name:<16}{value}" for name, value in _lines(reckoning, cleared, seconds))


def _lines(
    reckoning: Reckoning, cleared: Sequence[str], seconds: float
) -> Iterator[tuple[str, str]]:
    counts = reckoning.counts
    yield "sheets fed", f"{reckoning.sheets}"
    if cleared:
        yield "cleared", ", ".join(cleared)
    yield "faces", f"{reckoning.faces}"
    for fate in Fate:
        yield f"  {fate.value}", f"{counts.get(fate, 0)}"
    yield "  sum", f"{sum(counts.values())}"
    yield "journal", f"{reckoning.entries} entries"
    yield "acknowledged", f"{reckoning.acknowledged}"
    yield "at the court", f"{reckoning.files} pages, {reckoning.size_bytes / 1e6:.1f} MB"
    yield "speed", f"{counts.get(Fate.PAGE, 0) / seconds:.1f} pages/s over {seconds:.0f} s"
    yield "manifest", reckoning.verified
    yield "result", "every face is accounted for" if not reckoning.problems else "PROBLEMS"
