"""What the emulated scanner tells the kernel of itself, in bytes and as sysfs shows it.

The bytes are stated here and not taken from the in-process carrier, for its file needs pyusb and
this one runs where there is none; a test holds the two together.
"""

from typing import Final

from daemon.feeder.emulator import ENDPOINT_IN, ENDPOINT_OUT, VENDOR_ID, Profile

BUS: Final = 1
SYSFS_PATH: Final = "/devices/pci0000:00/0000:00:14.0/usb1/1-1"
_HUB_SYSFS_PATH: Final = "/devices/pci0000:00/0000:00:14.0/usb1"
_HUB_ADDRESS: Final = 1
_FIRST_ADDRESS, _ADDRESSES = 2, 126

_PACKET_BYTES: Final = (512).to_bytes(2, "little")
_ENGLISH: Final = b"\x09\x04"
CONFIGURATION: Final = (
    bytes.fromhex("09 02 20 00 01 01 00 c0 01")  # has its own supply
    + bytes.fromhex("09 04 00 00 02 ff ff ff 00")
    + b"".join(
        bytes((7, 5, address, 2)) + _PACKET_BYTES + b"\0" for address in (ENDPOINT_IN, ENDPOINT_OUT)
    )
)
_HUB: Final = bytes.fromhex(
    "12 01 00 02 09 00 01 40 6b 1d 02 00 00 01 00 00 00 01"
    "09 02 19 00 01 01 00 e0 00 09 04 00 00 01 09 00 00 00 07 05 81 03 04 00 0c"
)
_GET_DESCRIPTOR: Final = (0x80, 6)
_DEVICE_TYPE, _CONFIGURATION_TYPE, _STRING_TYPE = 1, 2, 3


def device(profile: Profile) -> bytes:
    """Return the device descriptor."""
    return (
        bytes.fromhex("12 01 00 02 00 00 00 40")
        + VENDOR_ID.to_bytes(2, "little")
        + profile.product_id.to_bytes(2, "little")
        + bytes.fromhex("00 01 01 02 00 01")  # version, two strings, no serial, one configuration
    )


def string(number: int, profile: Profile) -> bytes | None:
    """Return a string descriptor, 0 being the languages; None when there is none."""
    texts = {1: profile.vendor, 2: profile.product}
    if number and number not in texts:
        return None
    data = texts[number].encode("utf-16-le") if number else _ENGLISH
    return bytes((len(data) + 2, _STRING_TYPE)) + data


def answer(setup: bytes, profile: Profile) -> bytes | None:
    """Return the data of a control transfer; None for a request that the device refuses."""
    if (setup[0], setup[1]) != _GET_DESCRIPTOR:
        return None
    number, kind = setup[2], setup[3]
    whole = {
        _DEVICE_TYPE: device(profile),
        _CONFIGURATION_TYPE: CONFIGURATION,
        _STRING_TYPE: string(number, profile),
    }.get(kind)
    return None if whole is None else whole[: int.from_bytes(setup[6:8], "little")]


# -- as the kernel shows it ------------------------------------------------------------------


def address(plugs: int) -> int:
    """Return where the scanner is on the bus once it has been plugged in so often.

    As on any bus a number comes round again, but never at once.
    """
    return _FIRST_ADDRESS + (plugs - 1) % _ADDRESSES


def node(plugs: int) -> str:
    """Return the path of its device node then."""
    return f"/dev/{_node(address(plugs))}"


def scanner_entry(plugs: int, profile: Profile) -> str:
    """Return the scanner as a umockdev testbed takes it in."""
    attributes = {
        "devpath": "1",
        "idVendor": f"{VENDOR_ID:04x}",
        "idProduct": f"{profile.product_id:04x}",
        "manufacturer": profile.vendor,
        "product": profile.product,
        "power/control": "on",
    }
    return _entry(SYSFS_PATH, address(plugs), attributes, device(profile) + CONFIGURATION)


def hub_entry() -> str:
    """Return the root hub: a bus has always one, and libusb finds no USB where there is nothing."""
    attributes = {"devpath": "0", "idVendor": "1d6b", "idProduct": "0002"}
    return _entry(_HUB_SYSFS_PATH, _HUB_ADDRESS, attributes, _HUB)


def _node(number: int) -> str:
    return f"bus/usb/{BUS:03}/{number:03}"


def _entry(path: str, number: int, attributes: dict[str, str], data: bytes) -> str:
    common = {
        "busnum": str(BUS),
        "devnum": str(number),
        "speed": "480",
        "bConfigurationValue": "1",
        "bNumConfigurations": "1",
    }
    properties = {
        "BUSNUM": f"{BUS:03}",
        "DEVNUM": f"{number:03}",
        "DEVNAME": f"/dev/{_node(number)}",
        "DEVTYPE": "usb_device",
        "SUBSYSTEM": "usb",
        "MAJOR": "189",
        "MINOR": str(number - 1),
    }
    lines = [f"P: {path}", f"N: {_node(number)}"]
    lines += [f"E: {name}={value}" for name, value in properties.items()]
    lines += [f"A: {name}={value}\\n" for name, value in (attributes | common).items()]
    lines.append(f"H: descriptors={data.hex().upper()}")
    return "\n".join(lines) + "\n"
