"""Which scanner: found on the bus, opened, asked who it is and what it can do.

Rule 1: a scanner is chosen by the serial number it tells. Rule 2: with two attached and none named
nothing is guessed; one that cannot be opened hides no other. Rule 3: a model that this driver
cannot drive is refused before paper moves. Rule 4: what an earlier program has left in the pipe is
never taken for an answer: the scanner is believed when it says in step who it is.
"""

import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from daemon.errors import (
    ConfigError,
    DeviceError,
    LinkLost,
    LinkStall,
    LinkTimeout,
    OperatorError,
    ProtocolError,
    SuianError,
)
from daemon.feeder import fi
from daemon.feeder.bus import Attached, attached
from daemon.feeder.capture import NOTHING, Witness
from daemon.feeder.fi import abilities as fi_abilities
from daemon.feeder.fi.abilities import Abilities, Inquiry
from daemon.feeder.link import Link
from daemon.feeder.models import Models, Quirks
from daemon.feeder.session import TRIES, Session
from daemon.feeder.usb_host import Place, UsbHost
from daemon.page import DeviceIdentity

log = logging.getLogger(__name__)

VIRTUAL_REVISION: Final = "VIRT"
"""A scanner made of software says so here, whatever carries the USB (law 10)."""
_ASLEEP: Final = (
    "the kernel may suspend this scanner (USB autosuspend), which breaks scanners: install "
    "systemd/60-suian.rules into /etc/udev/rules.d, run `udevadm control --reload`, and plug the "
    "scanner in again"
)


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


def connect(
    backend: Any,
    models: Models,
    serial: str | None,
    *,
    known: DeviceIdentity | None = None,
    capture: Witness = NOTHING,
    host: UsbHost | None = None,
) -> Connection:
    """Open the scanner of this serial number, or the only one.

    Parameters
    ----------
    backend
        A pyusb backend made for this connection.
    models, serial
        What is known of models; which scanner, None: the only one.
    known
        The scanner that was connected before: what was said of it is not said again.
    capture
        Is told of what passes.
    host
        Is asked who holds a device, whether it may fall asleep, and for the time.

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
    search = _Search(backend, models, capture, UsbHost() if host is None else host)
    place, connection = search.named(found, serial) if serial is not None else search.only(found)
    if search.host.may_sleep(place):
        log.warning("%s: %s", connection.identity.model, _ASLEEP)
    if known is None or known.model != connection.identity.model:
        _remark(connection.identity, models)
    return connection


def reset_silent(
    backend: Any, models: Models, *, capture: Witness = NOTHING, host: UsbHost | None = None
) -> None:
    """Reset, over USB, every scanner that can be claimed and does not say who it is.

    Raises
    ------
    DeviceError
        If the bus cannot be read.
    """
    host = UsbHost() if host is None else host
    for each in attached(backend, models):
        with suppress(DeviceError):  # held by another program, or gone: no business of ours
            link = Link(each, backend, capture, host)
            try:
                who(Session(link, clock=host.clock, pause=host.pause))
            except OperatorError:
                pass  # it speaks
            except DeviceError:
                link.reset()
            finally:
                link.close()


def who(session: Session) -> Inquiry:
    """Ask the scanner who it is; it is in step once it has said that.

    An answer to an earlier question may still be in the pipe, where it passes for the answer to the
    next one; TEST UNIT READY brings no data that would show it. Or a question was left half asked,
    and what is sent next halts the pipe.

    Raises
    ------
    OperatorError, DeviceError
        Why there is no answer that can be read, after three tries.
    """
    for left in reversed(range(TRIES)):
        try:
            session.greet()
        except LinkStall:  # any other silence has had its tries
            if not left:
                raise
            session.link.clear_halt()
            continue
        try:
            return fi_abilities.parse_inquiry(session.ask(fi.inquiry()))
        except (LinkStall, LinkTimeout, ProtocolError) as error:
            if not left:
                raise
            log.debug("out of step: %s", error)
            if isinstance(error, LinkStall):
                session.link.clear_halt()
            session.link.drain()
    raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True)
class _Search:
    """Opens what was found on one bus."""

    backend: Any
    models: Models
    capture: Witness
    host: UsbHost

    def only(self, found: tuple[Attached, ...]) -> tuple[Place, Connection]:
        """Open the only scanner; one of a known product comes before others of the vendor."""
        likely = [each for each in found if each.model] or list(found)
        if len(likely) > 1:
            raise ConfigError(
                "several scanners are attached: name the serial number of one in feeder.device",
                attached="; ".join(self._introduced(each) for each in likely),
            )
        return likely[0].place, self._opened(likely[0])

    def named(self, found: tuple[Attached, ...], serial: str) -> tuple[Place, Connection]:
        """Open the scanner of this serial number, whatever is wrong with its neighbours."""
        seen: list[str] = []
        failed: list[SuianError] = []
        for each in found:
            try:
                connection = self._opened(each)
            except (DeviceError, ConfigError) as error:
                failed.append(error)
                seen.append(_unopened(each, error))
                continue
            if connection.identity.serial == serial:
                return each.place, connection
            seen.append(_name(connection.identity))
            connection.close()
        if failed and len(found) == 1:
            raise failed[0]
        for refusal in failed:
            if isinstance(refusal, DeviceError):
                raise type(refusal)(
                    "the scanner of this serial number is not among those that can be asked: "
                    f"{refusal.message}",
                    serial=serial,
                    attached="; ".join(seen),
                ) from refusal
        raise NotAttached(
            "the scanner of this serial number is not attached",
            serial=serial,
            attached="; ".join(seen),
        )

    def _introduced(self, each: Attached) -> str:
        try:
            connection = self._opened(each)
        except (DeviceError, ConfigError) as error:
            return _unopened(each, error)
        connection.close()
        return _name(connection.identity)

    def _opened(self, found: Attached) -> Connection:
        link = Link(found, self.backend, self.capture, self.host)
        try:
            session = Session(link, clock=self.host.clock, pause=self.host.pause)
            return _identified(session, self.models)
        except OperatorError as error:
            link.close()
            raise ProtocolError(
                f"the scanner does not say who it is while it is blocked: {error.message}"
            ) from error
        except BaseException:
            link.close()
            raise


def _unopened(each: Attached, error: SuianError) -> str:
    return f"{each.model or 'unknown model'} ({error.message})"


def _name(identity: DeviceIdentity) -> str:
    return f"{identity.model} {identity.serial or 'without a serial number'}"


def _remark(identity: DeviceIdentity, models: Models) -> None:
    if identity.vendor.upper() not in models.inquiry_vendors:
        log.warning("a scanner of a vendor not seen before: %s", identity.vendor)
    if not models.knows(identity.model):
        log.warning(
            "%s is a model not seen before: it is driven by what it says of itself", identity.model
        )


def _identified(session: Session, models: Models) -> Connection:
    inquiry = who(session)
    quirks = models.quirks(inquiry.product)
    if quirks.refused:
        raise ConfigError(f"this driver cannot drive the {inquiry.product}: {quirks.refused}")
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
        (abilities.hardware_status, "sensors that can be asked"),
    )
    missing = [what for has, what in needs if not has]
    if missing:
        raise ConfigError(f"the {inquiry.product} cannot be used: it has not {', '.join(missing)}")


def _serial(session: Session) -> str:
    session.do(fi.ask_serial())
    return fi_abilities.parse_serial(session.ask(fi.read_serial()))
