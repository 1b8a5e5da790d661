"""`suian check`: whether a configuration file is right, and what may stand in it."""

from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

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
        if not (isinstance(section, type) and issubclass(section, BaseModel)):
            raise TypeError(f"section {name} is not a model")
        title = f"[[{name}]]" if name == "consumer" else f"[{name}]"
        lines += [f"# {(section.__doc__ or '').splitlines()[0]}", f"#{title}"]
        lines += [
            f"#{key} = {_toml(field.default)}    # {field.description}{_choices(field)}"
            for key, field in section.model_fields.items()
        ]
        lines.append("")
    return "\n".join(lines)


def _choices(field: FieldInfo) -> str:
    """Return what a key may be: the words of a choice, the bounds of a number."""
    words = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    rules = [(getattr(r, "ge", None), getattr(r, "le", None)) for r in field.metadata]
    bounds = [bound for pair in rules for bound in pair if bound is not None]
    if words:
        return f" One of {', '.join(words)}."
    return f" From {bounds[0]} to {bounds[1]}." if len(bounds) == 2 else ""


def _toml(value: object) -> str:
    if value is None or str(value) == "PydanticUndefined":
        return "..."
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else f'"{value}"'
