"""`suian check`: whether a configuration file is right, and what may stand in it."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from daemon import config


def check(
    file: Annotated[Path | None, typer.Option("-c", "--config", help="The file to check.")] = None,
    keys: Annotated[bool, typer.Option("--keys", help="Print every key and its default.")] = False,
) -> None:
    """Check a configuration file; with `--keys` print a file in which every key is explained."""
    if keys:
        typer.echo(explain())
    elif file is not None:
        loaded = config.load(file)
        typer.echo(
            f"{file}: right. Appliance {loaded.appliance.name}, scanner {loaded.feeder.device}, "
            f"{len(loaded.consumer)} consumer(s)."
        )
    else:
        raise typer.BadParameter("say which file with -c, or ask for --keys")


def explain() -> str:
    """Return a configuration file with every key, its meaning and its default as a comment."""
    lines: list[str] = []
    for name, field in config.Config.model_fields.items():
        section = config.Consumer if name == "consumer" else field.annotation
        if section is None or not issubclass(section, BaseModel):
            raise TypeError(f"section {name} is not a model")
        title = f"[[{name}]]" if name == "consumer" else f"[{name}]"
        lines += [f"# {(section.__doc__ or '').splitlines()[0]}", f"#{title}"]
        lines += [
            f"#{key} = {_toml(field.default)}    # {field.description}"
            for key, field in section.model_fields.items()
        ]
        lines.append("")
    return "\n".join(lines)


def _toml(value: object) -> str:
    if value is None or str(value) == "PydanticUndefined":
        return "..."
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else f'"{value}"'
