"""`suian verify`: whether a pulled folder is what the appliance captured."""

from pathlib import Path
from typing import Annotated, Final

import typer

from daemon.dossier import verifier
from daemon.errors import ConfigError, VerificationFailed

_UNFINISHED: Final = {"not_pulled", "manifest_missing", "manifest_outdated"}
"""What a pull that was interrupted leaves."""
_LET_GO: Final = {"not_sent"}
"""What a pull leaves that came too late for some bytes and said so (--accept-released)."""


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A pulled folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="For a script.")] = False,
) -> None:
    """Check every file, every manifest and the journal of a pulled folder; name what differs.

    Raises
    ------
    VerificationFailed
        If anything differs.
    ConfigError
        If it is not a pulled folder.
    """
    try:
        findings = verifier.verify(folder)
    except verifier.NotAPulledFolder as error:
        raise ConfigError(
            f"{error}; name the folder that `suian pull -o` wrote", folder=folder
        ) from error
    typer.echo(verifier.report(findings, as_json=as_json))
    if not findings.found:
        return
    kinds = {problem.kind for problem in findings.found}
    if kinds <= _LET_GO:
        raise VerificationFailed(
            "what is here is right; some bytes had been let go at the appliance before they were"
            " pulled, and lie with whoever acknowledged them then",
            problems=len(findings.found),
        )
    if kinds <= _UNFINISHED | _LET_GO:
        raise VerificationFailed(
            "what is here is right, but not all is here: pull again into this folder",
            problems=len(findings.found),
        )
    raise VerificationFailed(
        "this folder is not what the appliance captured; keep it as it is and pull again into"
        " another one",
        problems=len(findings.found),
    )
