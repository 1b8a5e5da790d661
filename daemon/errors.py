"""The error tree, ordered by who must act.

Rule 1: every error carries its facts as keyword values and a `label`, which is also the
`reason` label of a metric; so a label is a fixed word, never a value.
Rule 2: a foreign exception is translated in the room that owns the library.
"""

from typing import ClassVar


class SuianError(Exception):
    """Base of every error the daemon raises on purpose.

    Parameters
    ----------
    message
        What happened and what to do about it, in one or two sentences.
    facts
        The values that matter (page id, expected, got). They are printed after the message.
    """

    label: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts

    def __str__(self) -> str:
        if not self.facts:
            return self.message
        return f"{self.message} [{', '.join(f'{k}={v}' for k, v in self.facts.items())}]"


class OperatorError(SuianError):
    """A person must act at the scanner; the feeder is BLOCKED until the cause is cleared."""

    label = "operator"
    exit_status = 3


class PaperJam(OperatorError):
    """Paper is stuck in the path."""

    label = "paper_jam"


class DoubleFeed(OperatorError):
    """Two sheets were pulled in together."""

    label = "double_feed"


class CoverOpen(OperatorError):
    """The cover of the feeder is open."""

    label = "cover_open"


class StoppedByOperator(OperatorError):
    """Somebody pressed the stop button. It is not an empty hopper."""

    label = "stopped_by_operator"


class PaperRefused(OperatorError):
    """The scanner refuses this paper (carrier sheet, unusual stock, staple, skewed feed)."""

    label = "paper_refused"


class UnknownSeparator(OperatorError):
    """A separator sheet that bears our prefix cannot be trusted."""

    label = "unknown_separator"


class DeviceError(SuianError):
    """The scanner or its link failed: reset and retry, then alarm."""

    label = "device"
    exit_status = 4


class LinkLost(DeviceError):
    """The scanner is gone from the bus."""

    label = "link_lost"


class LinkTimeout(DeviceError):
    """The scanner did not answer in time."""

    label = "link_timeout"


class LinkStall(DeviceError):
    """An endpoint is halted."""

    label = "link_stall"


class ProtocolError(DeviceError):
    """The scanner answered something the protocol does not allow."""

    label = "protocol"


class HardwareFault(DeviceError):
    """The scanner reports a defect that needs service (lamp, motor, optics)."""

    label = "hardware"


class SpoolError(SuianError):
    """The disk or the ledger."""

    label = "spool"
    exit_status = 5


class SpoolFull(SpoolError):
    """No room for another sheet: the feeder pauses between sheets."""

    label = "spool_full"


class SpoolCorrupt(SpoolError):
    """Stored bytes do not match their recorded hash: the page is quarantined."""

    label = "spool_corrupt"


class SpoolFailed(SpoolError):
    """A write or a commit failed and the state is unknown: exit and let systemd restart."""

    label = "spool_failed"


class ContractError(SuianError):
    """The other side of the stream broke the contract."""

    label = "contract"
    exit_status = 6


class BadAcknowledgement(ContractError):
    """An acknowledgement that is ahead of what was sent or carries a wrong chain hash."""

    label = "bad_acknowledgement"


class Fenced(ContractError):
    """A newer instance of the same consumer has taken over."""

    label = "fenced"


class NotPossible(ContractError):
    """What was asked for cannot happen to this page or batch as it stands now."""

    label = "not_possible"


class EpochChanged(ContractError):
    """The appliance's journal is not the one the cursor belongs to."""

    label = "epoch_changed"


class ChainBroken(ContractError):
    """A received entry does not continue the hash chain."""

    label = "chain_broken"


class ConfigError(SuianError):
    """The configuration or the command line is wrong: refuse to start."""

    label = "config"
    exit_status = 2


class RuleError(ConfigError):
    """A rule set (catalogue, courts, case types) or a case number is not valid."""

    label = "rule"


class InputError(SuianError):
    """A file from outside cannot be taken: wrong type, broken, or too large."""

    label = "input"
    exit_status = 7


class VerificationFailed(SuianError):
    """The pulled pages and the manifest or the journal do not agree."""

    label = "verification"
    exit_status = 8
