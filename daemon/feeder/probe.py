"""Which scanner: found on the bus, opened, asked who it is and what it can do.

Rule 1: a scanner is chosen by the serial number it tells. Rule 2: with two attached and none named
nothing is guessed. Rule 3: a model that this driver cannot drive is refused before paper moves.
"""

import logging
from dataclasses import dataclass
from typing import Any, Final

from daemon.errors import (
    ConfigError,
    DeviceError,
    LinkLost,
    OperatorError,
    ProtocolError,
    SuianError,
)
from daemon.feeder import fi
from daemon.feeder.fi import abilities as fi_abilities
from daemon.feeder.fi.abilities import Abilities, Inquiry
from daemon.feeder.link import Attached, Link, attached
from daemon.feeder.models import Models, Quirks
from daemon.feeder.session import Session
from daemon.page import DeviceIdentity

log = logging.getLogger(__name__)

VIRTUAL_REVISION: Final = "VIRT"
"""A scanner made of software says so here, whatever carries the USB (law 10)."""


class NotAttached(LinkLost):
    """The scanner is not on the bus at all."""


@dataclass(frozen=True, slots=True)
class Connection:
    """An open scanner and what it said about itself."""

    session: Session
    identity: DeviceIdentity
    abilities: Abilities
    quirks: Quirks

    def close(self) -> None:
        """Give the scanner back."""
        self.session.link.close()


def connect(backend: Any, models: Models, serial: str | None) -> Connection:
    """Open the scanner of this serial number, or the only one.

    Raises
    ------
    DeviceError
        NotAttached if it is not there; else why it cannot be opened or understood.
    ConfigError
        If there are several and none is named, or this driver cannot drive the model.
    """
    found = attached(backend, models)
    if not found:
        raise NotAttached("no scanner is attached: check cable and power")
    if serial is not None:
        return _named(found, backend, models, serial)
    if len(found) > 1:
        raise ConfigError(
            "several scanners are attached: name the serial number of one in feeder.device",
            attached="; ".join(_introduced(each, backend, models) for each in found),
        )
    return _opened(found[0], backend, models)


def _named(found: tuple[Attached, ...], backend: Any, models: Models, serial: str) -> Connection:
    others: list[str] = []
    failed: SuianError | None = None
    for each in found:
        try:
            connection = _opened(each, backend, models)
        except (DeviceError, ConfigError) as error:
            failed = error  # it may be the one, or its neighbour
            continue
        if connection.identity.serial == serial:
            return connection
        others.append(_name(connection.identity))
        connection.close()
    if failed is not None:
        raise failed
    raise NotAttached(
        "the scanner of this serial number is not attached",
        serial=serial,
        attached="; ".join(others),
    )


def _introduced(each: Attached, backend: Any, models: Models) -> str:
    try:
        connection = _opened(each, backend, models)
    except (DeviceError, ConfigError) as error:
        return f"{each.model or 'unknown model'} ({error.message})"
    connection.close()
    return _name(connection.identity)


def _name(identity: DeviceIdentity) -> str:
    return f"{identity.model} {identity.serial or 'without a serial number'}"


def _opened(found: Attached, backend: Any, models: Models) -> Connection:
    link = Link(found, backend)
    try:
        return _identified(Session(link), models)
    except OperatorError as error:
        link.close()
        raise ProtocolError(
            f"the scanner does not say who it is while it is blocked: {error.message}"
        ) from error
    except BaseException:
        link.close()
        raise


def _identified(session: Session, models: Models) -> Connection:
    session.greet()
    inquiry = fi_abilities.parse_inquiry(session.ask(fi.inquiry()))
    quirks = models.quirks(inquiry.product)
    if quirks.refused:
        raise ConfigError(f"this driver cannot drive the {inquiry.product}: {quirks.refused}")
    if inquiry.vendor.upper() not in models.inquiry_vendors:
        log.warning("a scanner of a vendor not seen before: %s", inquiry.vendor)
    abilities = fi_abilities.parse_abilities(session.ask(fi.vital_product_data()))
    _check(inquiry, abilities)
    serial = "" if quirks.no_serial else _serial(session)
    identity = DeviceIdentity(
        vendor=inquiry.vendor,
        model=inquiry.product,
        serial=serial,
        firmware=inquiry.revision,
        virtual=inquiry.revision == VIRTUAL_REVISION,
    )
    log.debug("found %s; quirks: %s", _name(identity), ", ".join(quirks.origins) or "none")
    return Connection(session, identity, abilities, quirks)


def _check(inquiry: Inquiry, abilities: Abilities) -> None:
    """Refuse a model without what the appliance stands on."""
    needs = (
        (abilities.feeder, "a document feeder"),
        (abilities.duplex, "both sides at once"),
        (abilities.hardware_status, "sensors that can be asked"),
    )
    missing = [what for has, what in needs if not has]
    if missing:
        raise ConfigError(f"the {inquiry.product} cannot be used: it has not {', '.join(missing)}")


def _serial(session: Session) -> str:
    session.do(fi.ask_serial())
    return fi_abilities.parse_serial(session.ask(fi.read_serial()))
