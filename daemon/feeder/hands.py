"""What a clerk does, with hands only, when the feeder stands still; and when it may go on.

Rule 1: the feeder goes on only when a person has pressed Scan, the cover is shut and nothing lies
in the path. Rule 2: a sheet that was seen in the path must lie in the hopper again: with an empty
hopper the batch would end without it. Rule 3: every cause has a row; no two causes share one.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from daemon import errors
from daemon.feeder.fi.status import HardwareStatus

INTERRUPTED: Final = "interrupted"
"""The process ended while a sheet was asked for."""


class Condition(StrEnum):
    """What must be so before the feeder goes on."""

    PATH_FREE = "path free"
    COVER_SHUT = "cover shut"
    RELAID = "sheet laid back"
    """Only where a sheet is to be fed again that was seen in the path."""
    SCAN_PRESSED = "Scan pressed"


@dataclass(frozen=True, slots=True)
class Clearing:
    """One row of the table: when a cause counts as cleared, and what a clerk does for it."""

    conditions: tuple[Condition, ...]
    zh: str
    en: str


_ALWAYS: Final = (Condition.PATH_FREE, Condition.COVER_SHUT, Condition.SCAN_PRESSED)
_WITH_SHEET: Final = (*_ALWAYS[:2], Condition.RELAID, Condition.SCAN_PRESSED)
_LAY_BACK_ZH: Final = "没读完的那张纸（在通道里或出纸盘最上面）放回进纸斗最上面，按扫描键。"
_LAY_BACK_EN: Final = (
    "Lay the sheet that was not read (in the path, or on top of the out-tray) back on top of the "
    "hopper, press Scan."
)

CLEARING: Final[dict[str, Clearing]] = {
    errors.PaperJam.label: Clearing(
        _WITH_SHEET,
        "卡纸：打开盖板，取出卡住的纸，抚平后放回进纸斗最上面，合上盖板，按扫描键。",
        "Open the cover, take the sheet out, smooth it, lay it back on top of the hopper, shut "
        "the cover, press Scan.",
    ),
    errors.DoubleFeed.label: Clearing(
        _WITH_SHEET,
        "重张：取出一起进入的纸，分开后按原顺序放回进纸斗最上面，按扫描键。",
        "Take out the sheets that went in together, part them, lay them back in their order on "
        "top of the hopper, press Scan.",
    ),
    errors.PaperRefused.label: Clearing(
        _WITH_SHEET,
        "纸张异常：取出这张纸，去掉订书钉、便签，放正后放回进纸斗最上面，按扫描键。",
        "Take the sheet out, remove staples and notes, lay it back straight on top of the "
        "hopper, press Scan.",
    ),
    errors.CoverOpen.label: Clearing(
        _WITH_SHEET,
        "盖板打开：合上盖板；通道里若有纸，取出放回进纸斗最上面；按扫描键。",
        "Shut the cover; lay paper from the path back on top of the hopper; press Scan.",
    ),
    errors.StoppedByOperator.label: Clearing(
        _WITH_SHEET,
        "有人按了停止键：通道里若有纸，取出放回进纸斗最上面；按扫描键继续。",
        "Somebody pressed Stop. Lay paper from the path back on top of the hopper; press Scan "
        "to go on.",
    ),
    errors.UnknownSeparator.label: Clearing(
        _ALWAYS,
        "分隔页不可信：换上本院打印的分隔页，放在进纸斗最上面，按扫描键。",
        "The last separator sheet cannot be trusted: lay one printed here on top of the hopper, "
        "press Scan.",
    ),
    errors.OperatorError.label: Clearing(
        _WITH_SHEET, f"扫描仪需要人工处理：{_LAY_BACK_ZH}", f"See to the scanner. {_LAY_BACK_EN}"
    ),
    errors.LinkLost.label: Clearing(
        _WITH_SHEET,
        f"扫描仪断开：检查电源和 USB 线；{_LAY_BACK_ZH}",
        f"The scanner was gone: see to power and cable. {_LAY_BACK_EN}",
    ),
    errors.LinkTimeout.label: Clearing(
        _WITH_SHEET,
        f"扫描仪没有响应：关机再开机；{_LAY_BACK_ZH}",
        f"The scanner did not answer: switch it off and on. {_LAY_BACK_EN}",
    ),
    errors.LinkStall.label: Clearing(
        _WITH_SHEET,
        f"扫描仪通信中断：{_LAY_BACK_ZH}",
        f"The scanner broke off a transfer. {_LAY_BACK_EN}",
    ),
    errors.ProtocolError.label: Clearing(
        _WITH_SHEET,
        f"扫描仪应答异常：{_LAY_BACK_ZH}",
        f"The scanner gave an answer that cannot be understood. {_LAY_BACK_EN}",
    ),
    errors.HardwareFault.label: Clearing(
        _WITH_SHEET,
        f"扫描仪故障：关机再开机，仍有故障请报修；{_LAY_BACK_ZH}",
        f"The scanner reports a defect: switch it off and on, call service if it stays. "
        f"{_LAY_BACK_EN}",
    ),
    errors.DeviceError.label: Clearing(
        _WITH_SHEET, f"扫描仪异常：{_LAY_BACK_ZH}", f"The scanner failed. {_LAY_BACK_EN}"
    ),
    INTERRUPTED: Clearing(
        _WITH_SHEET,
        "处理中断（断电或重启）：未扫描的那张纸在通道里或在出纸盘最上面时，放回进纸斗最上面，按扫描键。",
        "The appliance was interrupted: if the sheet that was not read lies in the path or on top "
        "of the out-tray, lay it back on top of the hopper; press Scan.",
    ),
}


def is_cleared(cause: str, status: HardwareStatus, *, was_in_path: bool) -> bool:
    """Tell whether the feeder may go on.

    Parameters
    ----------
    cause
        Why it stands still; one without a row is treated as any that needs a person.
    status
        The sensors now; a press of Scan counts once.
    was_in_path
        A sheet is to be fed again, and it was seen in the path.
    """
    holds = {
        Condition.PATH_FREE: not status.paper_in_path,
        Condition.COVER_SHUT: not status.cover_open,
        Condition.RELAID: status.hopper_loaded or not was_in_path,
        Condition.SCAN_PRESSED: status.button_pressed,
    }
    row = CLEARING.get(cause, CLEARING[errors.OperatorError.label])
    return all(holds[condition] for condition in row.conditions)


def table() -> str:
    """Print the table for people, as Markdown."""
    lines = ["| cause | goes on when | 怎么做 | what to do |", "|---|---|---|---|"]
    lines += [
        f"| `{cause}` | {', '.join(row.conditions)} | {row.zh} | {row.en} |"
        for cause, row in CLEARING.items()
    ]
    return "\n".join(lines)
