"""The court's rule set: what may lie in a dossier, where it belongs and in which order.

Rule 1: everything the court decides is in `rules/*.toml`; nothing here knows a code by heart.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from daemon.dossier import case_types
from daemon.dossier.rule_file import STRICT, Text, packaged, read, unique
from daemon.errors import RuleError

CATALOGUE: Final = "catalogue.toml"
ORDERS: Final = "orders.toml"
NO_PARTY: Final = "000"

Code = Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]{2}|0[1-9][0-9]|00[1-9])$")]
CaseTypeCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")]
StageCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Letter = Annotated[str, StringConstraints(pattern=r"^[A-Z]$")]

OrderKey = tuple[int, int, str, str, str, int]
"""Sorts materials inside a volume; append the capture sequence to break the remaining ties."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the case in which paper arrives (分段扫描)."""

    __pydantic_config__ = STRICT
    code: StageCode
    name: Text


@dataclass(frozen=True, slots=True)
class Party:
    """A role in the case; its members are numbered from 01."""

    __pydantic_config__ = STRICT
    letter: Letter
    name: Text
    also: str = ""


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume of the dossier; `code` names it on a separator of kind V.

    Attributes
    ----------
    archival
        False: its pages are kept and marked, never numbered.
    """

    __pydantic_config__ = STRICT
    id: Annotated[str, StringConstraints(pattern=r"^[a-z]+$")]
    code: Code
    name: Text
    archival: bool


@dataclass(frozen=True, slots=True)
class Material:
    """A kind of paper that the rule names.

    Attributes
    ----------
    stages
        In which it arrives, in the order of the case.
    medium
        "E" electronic file, "P" paper, "P/E" either.
    per
        Of what there may be one ("1/party") or several ("n/party").
    volume
        Id of the volume it belongs to.
    """

    __pydantic_config__ = STRICT
    code: Code
    name: Text
    english: Text
    stages: Annotated[tuple[StageCode, ...], Field(min_length=1)]
    medium: Literal["E", "P", "P/E"]
    per: Annotated[str, StringConstraints(pattern=r"^[1n]/[a-z ]+$")]
    volume: str


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a volume for some case types; codes of one inner tuple stand together."""

    __pydantic_config__ = STRICT
    case_types: Annotated[tuple[CaseTypeCode, ...], Field(min_length=1)]
    volume: str
    version: Annotated[int, Field(ge=1)]
    codes: Annotated[tuple[tuple[Code, ...], ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class _Catalogue:
    __pydantic_config__ = STRICT
    id: Text
    title: Text
    issuer: Text
    effective_from: date
    stage: tuple[Stage, ...]
    party: tuple[Party, ...]
    volume: tuple[Volume, ...]
    material: tuple[Material, ...]


@dataclass(frozen=True, slots=True)
class _Orders:
    __pydantic_config__ = STRICT
    by_party: tuple[Code, ...]
    order: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rule in force: its origin and its tables.

    Attributes
    ----------
    stages
        Name of a stage by its code, in the order of the case.
    parties, volumes, materials
        By letter, by id, by code.
    """

    id: str
    title: str
    issuer: str
    effective_from: date
    stages: Mapping[str, str]
    parties: Mapping[str, Party]
    volumes: Mapping[str, Volume]
    materials: Mapping[str, Material]
    _places: Mapping[tuple[str, str], Mapping[str, int]]
    _by_party: frozenset[str]

    def material(self, code: str) -> Material:
        """Return a material; raises RuleError if the catalogue has no such code."""
        found = self.materials.get(code)
        if found is None:
            raise RuleError("the catalogue has no such material; look up its code", material=code)
        return found

    def stage_name(self, code: str) -> str:
        """Return the name of a stage; raises RuleError if there is no such stage."""
        found = self.stages.get(code)
        if found is None:
            raise RuleError(f"the stages are {', '.join(self.stages)}", stage=code)
        return found

    def party(self, code: str) -> Party | None:
        """Return the role of a party code such as `Y01`, None for `000`; raises RuleError."""
        if code == NO_PARTY:
            return None
        found = self.parties.get(code[:1])
        number = code[1:]
        if found is None or len(number) != 2 or not (number.isascii() and number.isdigit()):
            letters = ", ".join(self.parties)
            raise RuleError(
                f"a party is a letter ({letters}) and 01 to 99, or 000 for none", party=code
            )
        if number == "00":
            raise RuleError("parties are numbered from 01", party=code)
        return found

    def party_name(self, code: str) -> str:
        """Return a party as a clerk reads it, such as 原告1; "" for none. Raises RuleError."""
        found = self.party(code)
        return f"{found.name}{int(code[1:])}" if found else ""

    def volume_of(self, code: str) -> Volume:
        """Return the volume that the field `material` of a separator of kind V names."""
        for volume in self.volumes.values():
            if volume.code == code:
                return volume
        raise RuleError("there is no volume with this code", volume=code)

    def order_key(
        self, case_type: str, stage: str, material: str, party: str, instance: int
    ) -> OrderKey:
        """Return where a material stands among those of its volume in a case of `case_type`.

        Raises
        ------
        RuleError
            The stage or the material is unknown.
        """
        volume = self.material(material).volume
        self.stage_name(stage)
        places = self._places.get((case_type, volume), {})
        place = places.get(material)
        if place is None:
            return len(places), list(self.stages).index(stage), "", "", "", 0
        first = party if material in self._by_party else ""
        return place, 0, first, material, party, instance


def load() -> RuleSet:
    """Return the rule set that comes with the package; raises RuleError if it is not valid."""
    return assemble(packaged(CATALOGUE), packaged(ORDERS), case_types.load())


def assemble(catalogue: str, orders: str, types: case_types.CaseTypes) -> RuleSet:
    """Return the rule set of two TOML texts.

    Raises
    ------
    RuleError
        A text is not valid, or a row names a stage, volume, material or case type that is not.
    """
    tables = read(catalogue, CATALOGUE, _Catalogue)
    order = read(orders, ORDERS, _Orders)
    _check_catalogue(tables)
    volume_of = {material.code: material.volume for material in tables.material}
    _check_orders(order, volume_of, types)
    return RuleSet(
        id=tables.id,
        title=tables.title,
        issuer=tables.issuer,
        effective_from=tables.effective_from,
        stages=MappingProxyType({stage.code: stage.name for stage in tables.stage}),
        parties=MappingProxyType({party.letter: party for party in tables.party}),
        volumes=MappingProxyType({volume.id: volume for volume in tables.volume}),
        materials=MappingProxyType({material.code: material for material in tables.material}),
        _places=MappingProxyType(dict(_places(order))),
        _by_party=frozenset(order.by_party),
    )


def _check_catalogue(tables: _Catalogue) -> None:
    unique(CATALOGUE, "stage code", [stage.code for stage in tables.stage])
    unique(CATALOGUE, "party letter", [party.letter for party in tables.party])
    unique(CATALOGUE, "volume id", [volume.id for volume in tables.volume])
    unique(CATALOGUE, "volume code", [volume.code for volume in tables.volume])
    unique(CATALOGUE, "material code", [material.code for material in tables.material])
    stages = {stage.code for stage in tables.stage}
    volumes = {volume.id for volume in tables.volume}
    for material in tables.material:
        unknown = [stage for stage in material.stages if stage not in stages]
        if unknown:
            raise RuleError(
                f"{CATALOGUE} has a material in an unknown stage",
                material=material.code,
                stage=unknown[0],
            )
        if material.volume not in volumes:
            raise RuleError(
                f"{CATALOGUE} has a material in an unknown volume",
                material=material.code,
                volume=material.volume,
            )


def _check_orders(
    orders: _Orders, volume_of: Mapping[str, str], types: case_types.CaseTypes
) -> None:
    rows = [f"{t}/{o.volume}/{o.version}" for o in orders.order for t in o.case_types]
    unique(ORDERS, "case type, volume and version", rows)
    for code in orders.by_party:
        if code not in volume_of:
            raise RuleError(f"{ORDERS} names a code the catalogue has not", material=code)
    for order in orders.order:
        codes = [code for group in order.codes for code in group]
        unique(ORDERS, "material code", codes)
        for case_type in order.case_types:
            types.text(case_type)
        for code in codes:
            if code not in volume_of:
                raise RuleError(f"{ORDERS} names a code the catalogue has not", material=code)
            if volume_of[code] != order.volume:
                raise RuleError(
                    f"{ORDERS} places a material in a volume it does not belong to",
                    material=code,
                    volume=order.volume,
                )


def _places(orders: _Orders) -> Iterator[tuple[tuple[str, str], Mapping[str, int]]]:
    """Give every listed code its place; a later version replaces an earlier one."""
    for order in sorted(orders.order, key=lambda order: order.version):
        places = {code: place for place, group in enumerate(order.codes) for code in group}
        for case_type in order.case_types:
            yield (case_type, order.volume), MappingProxyType(places)
