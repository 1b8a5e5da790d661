"""The `suian` command: dispatch and exit status."""

import importlib
import sys
from collections.abc import Sequence
from typing import Final

import typer

from daemon import __version__
from daemon.errors import SuianError

# A command's module is imported only when it is asked for: `suian status` must not wait for numba.
COMMANDS: Final[dict[str, str]] = {
    "run": "Run the daemon.",
    "demo": "See the whole way of a sheet, with no scanner and no GPU.",
    "scan": "Scan one batch from the attached scanner to files.",
    "replay": "Show a recorded session with a scanner, and whether the driver still does the same.",
    "process": "Send images through the kernels.",
    "separators": "Make keys and print separator sheets.",
    "pull": "Pull pages from an appliance, as a court server does.",
    "bundle": "Carry pages to the court as one encrypted, signed file.",
    "certificates": "Make certificates to try mutual TLS with.",
    "verify": "Verify a pulled folder against its manifests.",
    "status": "Show the state of the appliance.",
    "exceptions": "Show what a person has to decide, and write the decision down.",
    "batches": "Show batches and the account of their faces.",
    "check": "Check a configuration file, or print every key.",
}


def build(names: Sequence[str]) -> typer.Typer:
    """Return the command line with the commands of `names`."""
    app = typer.Typer(
        name="suian",
        help="Suian (随案): the software of a court's scanning appliance.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @app.callback(invoke_without_command=True)
    def version(
        show: bool = typer.Option(False, "--version", help="Show the version and exit."),
    ) -> None:
        if show:
            typer.echo(f"suian {__version__}")
            raise typer.Exit

    for name in names:
        found = getattr(importlib.import_module(f"daemon.commands.{name}"), name)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name, help=COMMANDS[name])
        else:
            app.command(name, help=COMMANDS[name])(found)
    return app


def main() -> None:
    """Run the command line and turn errors into exit statuses."""
    wanted = [name for name in sys.argv[1:2] if name in COMMANDS]
    try:
        build(wanted or list(COMMANDS))()
    except SuianError as error:
        typer.echo(f"suian: {error}", err=True)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
