"""`suian replay`: whether the driver still does what it did when a capture was recorded."""

from pathlib import Path
from typing import Annotated

import typer

from daemon.errors import VerificationFailed
from daemon.feeder.capture import replay as recorded_session
from daemon.feeder.capture.recording import Kind, Opened
from daemon.feeder.capture.replay import Step


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What was recorded.")],
) -> None:
    """Show a recorded session with a scanner, and run it against the driver of this program.

    No scanner is needed, and none is touched.

    Raises
    ------
    VerificationFailed
        If the driver does otherwise than then.
    InputError
        If it is no capture.
    """
    steps = recorded_session.replay(file)
    for number, step in enumerate(steps, 1):
        for line in _told(number, step):
            typer.echo(line)
    if not steps[-1].is_same:
        raise VerificationFailed(
            "the driver does otherwise than when this was recorded",
            operation=f"{len(steps)} {steps[-1].recorded.name}",
        )
    typer.echo(f"{len(steps)} operation(s): the driver does what it did then")


def _told(number: int, step: Step) -> list[str]:
    recorded = step.recorded
    lines = []
    if recorded.dropped:
        lines.append(f"      ({recorded.dropped} operation(s) were not kept)")
    times = f" x {recorded.repeats}" if recorded.repeats > 1 else ""
    lines.append(
        f"{number:4} {recorded.at_ms / 1000:9.3f} s  {recorded.name}{times}: "
        f"{recorded.outcome or 'the recording ends here'}"
    )
    lines += [
        f"      {_device(event.value)}"
        for event in recorded.events
        if isinstance(event.value, Opened)
    ]
    pages = sum(event.kind is Kind.IMAGE for event in recorded.events)
    transfers = sum(event.kind in {Kind.OUT, Kind.IN, Kind.IMAGE} for event in recorded.events)
    lines.append(f"      {transfers} transfers, {pages} of them of a page")
    if not step.is_same:
        lines += [f"      NOW: {said}" for said in (step.now, step.difference) if said]
    return lines


def _device(opened: Opened) -> str:
    return (
        f"USB {opened.vendor_id:04x}:{opened.product_id:04x}, "
        f"pipes {opened.out_address:02x} out and {opened.in_address:02x} in"
    )
