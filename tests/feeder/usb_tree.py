"""A made-up computer: what Linux shows of a scanner on its bus, and of the programs around it."""

from daemon.feeder.usb_host import Place, UsbHost

PLACE = Place(0x04C5, 1, 2)


class Tree:
    """A computer with a scanner at 1-2.3, another device, and a root hub."""

    def __init__(self, root, address=2):
        self.root = root
        self.host = UsbHost(root)
        self.put("proc/self/comm", "python")
        self.put("dev/bus/usb/001/002")
        for name, vendor, number in (("usb1", "1d6b", 1), ("1-2.3", "04c5", address)):
            device = f"sys/bus/usb/devices/{name}"
            self.put(f"{device}/idVendor", f"{vendor}\n")
            self.put(f"{device}/busnum", "1\n")
            self.put(f"{device}/devnum", f"{number}\n")

    def put(self, path, text=""):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def link(self, path, target):
        link = self.root / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)

    @property
    def node(self):
        return self.root / "dev/bus/usb/001/002"

    def process(self, pid, name, *opened):
        self.put(f"proc/{pid}/comm", f"{name}\n")
        (self.root / f"proc/{pid}/fd").mkdir()
        for number, target in enumerate(opened):
            self.link(f"proc/{pid}/fd/{number}", target)

    def power(self, **files):
        for name, text in files.items():
            self.put(f"sys/bus/usb/devices/1-2.3/power/{name}", f"{text}\n")

    def holder(self):
        return self.host.holder(PLACE, 0)
