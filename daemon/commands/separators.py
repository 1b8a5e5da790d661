"""`suian separators`: keys, and separator sheets to print. Works with the network off."""

import secrets
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from daemon.commands import secret_file
from daemon.dossier import case_number, catalogue, payload, sheet
from daemon.dossier.case_number import CaseNumber
from daemon.errors import ConfigError, RuleError

MOST_SHEETS: Final = 500
_CHINA: Final = timezone(timedelta(hours=8))  # a year begins there, wherever this machine stands

separators = typer.Typer(no_args_is_help=True)


class PlannedSheet(BaseModel):
    """One line of a plan: a sheet, or `count` sheets that differ in their ids only."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: str = Field(description="C case, M material, P party, G reusable card, E end.")
    case: str = Field("", description="The case number; not given: that of the plan.")
    stage: str = ""
    material: str = ""
    party: str = ""
    instance: int = Field(0, ge=0, le=999)
    declared: int = Field(0, ge=0, le=999_999)
    count: int = Field(1, ge=1, le=MOST_SHEETS)


class Plan(BaseModel):
    """A file that lists the sheets of a case in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    case: str = Field("", description="The case number of every sheet that needs one.")
    sheet: list[PlannedSheet] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class _Printer:
    """Turns wishes into pictures: the rules, the key that signs, and which it is."""

    rules: catalogue.RuleSet
    key_id: str
    key: bytes

    def draw(self, wanted: sheet.Wanted) -> sheet.Picture:
        sheet_id = payload.new_sheet_id(secrets.token_bytes)
        fields = sheet.compose(wanted, self.key_id, sheet_id)
        return sheet.draw(payload.sign(fields, self.key), wanted, self.rules)


@separators.command("key")
def key(
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to make.")],
    key_id: Annotated[str, typer.Option("--id", help="Two characters, such as K1.")] = "K1",
) -> None:
    """Make a key file. The appliance and whoever prints separators need the same one."""
    data = payload.new_key_file(key_id)
    secret_file.make(output, data)
    typer.echo(f"{output}: key {key_id}. Name it in [dossier] key_file, and keep it secret.")


@separators.command("print")
def print_(
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="The PDF to write.")],
    key_file: Annotated[Path, typer.Option("--key", help="The key file.")],
    plan: Annotated[Path | None, typer.Option("--plan", help="TOML: several sheets.")] = None,
    kind: Annotated[
        str, typer.Option(help="C case, M material, P party, G reusable card, E end of batch.")
    ] = "",
    case: Annotated[str, typer.Option(help="Case number: (2018)吉01民初129号.")] = "",
    stage: Annotated[str, typer.Option(help="LA, TQ, TH, JA or GD.")] = "",
    material: Annotated[str, typer.Option(help="Code of the catalogue, such as 131.")] = "",
    party: Annotated[str, typer.Option(help="Y01, B02, S01, G01; 000 for none.")] = "",
    instance: Annotated[
        int, typer.Option(min=0, max=999, help="Which one of several; 1 if not given.")
    ] = 0,
    declared: Annotated[
        int, typer.Option(min=0, max=999_999, help="Pages that the receipt declares.")
    ] = 0,
    count: Annotated[int, typer.Option(min=1, max=MOST_SHEETS, help="How many sheets.")] = 1,
) -> None:
    """Print separator sheets as a PDF, two pages a sheet: print it duplex, 100 %."""
    if plan is None:
        listed = Plan(
            sheet=[
                PlannedSheet(
                    kind=kind,
                    case=case,
                    stage=stage,
                    material=material,
                    party=party,
                    instance=instance,
                    declared=declared,
                    count=count,
                )
            ]
        )
    elif any((kind, case, stage, material, party, instance, declared, count != 1)):
        raise ConfigError("with --plan the sheets are described in the plan only")
    else:
        listed = _read_plan(plan)
    keys = _read_keys(key_file)
    newest = payload.newest(keys)
    printer = _Printer(catalogue.load(), newest, keys[newest])
    sheets = sum(planned.count for planned in listed.sheet)
    if sheets > MOST_SHEETS:
        raise ConfigError("too many sheets for one file", sheets=sheets, most=MOST_SHEETS)
    data = sheet.pdf(_pictures(listed, printer))
    try:
        output.write_bytes(data)
    except OSError as error:
        raise ConfigError(f"cannot write the PDF: {error.strerror}", file=output) from error
    typer.echo(f"{output}: {sheets} sheet(s), {2 * sheets} pages. Print duplex, 100 %.")


def _pictures(plan: Plan, printer: _Printer) -> Iterator[sheet.Picture]:
    """Yield the pictures of a plan; an error says which sheet is wrong."""
    for number, planned in enumerate(plan.sheet, 1):
        try:
            wanted = _wanted(planned, plan.case)
            for _ in range(planned.count):
                yield printer.draw(wanted)
        except RuleError as error:
            raise RuleError(error.message, sheet=number, **error.facts) from error


def _wanted(planned: PlannedSheet, case_of_plan: str) -> sheet.Wanted:
    needs_case = planned.kind in sheet.PRINTED and payload.uses(planned.kind, "court")
    case = _case(planned.case or (case_of_plan if needs_case else ""))
    if case is not None and case.warnings:
        typer.echo("suian: we do not know this court by name; check its digits", err=True)
    return sheet.Wanted(
        kind=planned.kind,
        case=case,
        stage=planned.stage,
        material=planned.material,
        party=planned.party,
        instance=planned.instance or (1 if planned.kind in ("M", "P") else 0),
        argument=planned.declared,
    )


def _case(text: str) -> CaseNumber | None:
    if not text:
        return None
    return case_number.parse(text, latest_year=datetime.now(_CHINA).year)


def _read_plan(path: Path) -> Plan:
    try:
        return Plan.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"cannot read the plan: {error.strerror}", file=path) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"the plan is not a TOML file: {error}", file=path) from error
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
        )
        raise ConfigError(f"the plan is wrong: {wrong}", file=path) from error


def _read_keys(path: Path) -> Mapping[str, bytes]:
    try:
        return payload.keys_from(path.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"cannot read the key file: {error.strerror}; make one with `suian separators key`",
            file=path,
        ) from error
