"""What the emulated scanner tells the bus of itself: the USB descriptors, as pyusb names them."""

from types import SimpleNamespace
from typing import Final

import usb.util

from daemon.feeder.emulator import ENDPOINT_IN, ENDPOINT_OUT, VENDOR_ID, Profile

_HIGH_SPEED: Final = 3
_PACKET_BYTES: Final = 512
_ENGLISH: Final = b"\x09\x04"

CONFIGURATION: Final = SimpleNamespace(
    bLength=9,
    bDescriptorType=usb.util.DESC_TYPE_CONFIG,
    wTotalLength=9 + 9 + 7 + 7,
    bNumInterfaces=1,
    bConfigurationValue=1,
    iConfiguration=0,
    bmAttributes=0xC0,  # has its own supply
    bMaxPower=1,
    extra_descriptors=[],
)
INTERFACE: Final = SimpleNamespace(
    bLength=9,
    bDescriptorType=usb.util.DESC_TYPE_INTERFACE,
    bInterfaceNumber=0,
    bAlternateSetting=0,
    bNumEndpoints=2,
    bInterfaceClass=0xFF,
    bInterfaceSubClass=0xFF,
    bInterfaceProtocol=0xFF,
    iInterface=0,
    extra_descriptors=[],
)
ENDPOINTS: Final = tuple(
    SimpleNamespace(
        bLength=7,
        bDescriptorType=usb.util.DESC_TYPE_ENDPOINT,
        bEndpointAddress=address,
        bmAttributes=usb.util.ENDPOINT_TYPE_BULK,
        wMaxPacketSize=_PACKET_BYTES,
        bInterval=0,
        bRefresh=0,
        bSynchAddress=0,
        extra_descriptors=[],
    )
    for address in (ENDPOINT_IN, ENDPOINT_OUT)
)


def device(address: int, profile: Profile) -> SimpleNamespace:
    """Return the device descriptor, with what the bus adds to it."""
    return SimpleNamespace(
        bLength=18,
        bDescriptorType=usb.util.DESC_TYPE_DEVICE,
        bcdUSB=0x0200,
        bDeviceClass=0,
        bDeviceSubClass=0,
        bDeviceProtocol=0,
        bMaxPacketSize0=64,
        idVendor=VENDOR_ID,
        idProduct=profile.product_id,
        bcdDevice=0x0100,
        iManufacturer=1,
        iProduct=2,
        iSerialNumber=0,  # a host asks with GET DEVICE ID
        bNumConfigurations=1,
        bus=1,
        address=address,
        port_number=1,
        port_numbers=(1,),
        speed=_HIGH_SPEED,
    )


def string(number: int, profile: Profile) -> bytes | None:
    """Return a string descriptor, 0 being the languages; None when there is none."""
    strings = (
        _ENGLISH,
        profile.vendor.encode("utf-16-le"),
        profile.product.encode("utf-16-le"),
    )
    if number >= len(strings):
        return None
    return bytes((len(strings[number]) + 2, usb.util.DESC_TYPE_STRING)) + strings[number]
