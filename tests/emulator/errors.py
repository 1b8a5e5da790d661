"""What goes wrong on a card: the error classes of CuPy, their texts, and errors to order."""

import threading
from typing import Final


class CUDARuntimeError(RuntimeError):
    """As `cupy.cuda.runtime.CUDARuntimeError`."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class CUDADriverError(RuntimeError):
    """As `cupy.cuda.driver.CUDADriverError`: modules and kernel launches raise it."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class OutOfMemoryError(MemoryError):
    """As `cupy.cuda.memory.OutOfMemoryError`: CuPy's own pool raises it, `cuda.Memory` does not."""


# Number, name in the runtime, name in the driver, text.
KINDS: Final = {
    "memory": (2, "cudaErrorMemoryAllocation", "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"),
    "launch": (719, "cudaErrorLaunchFailure", "CUDA_ERROR_LAUNCH_FAILED", "launch failure"),
    "lost": (999, "cudaErrorUnknown", "CUDA_ERROR_UNKNOWN", "unknown error"),
    "fault": (700, "cudaErrorIllegalAddress", "CUDA_ERROR_ILLEGAL_ADDRESS", "illegal address"),
    "invalid": (1, "cudaErrorInvalidValue", "CUDA_ERROR_INVALID_VALUE", "invalid argument"),
    "device": (101, "cudaErrorInvalidDevice", "CUDA_ERROR_INVALID_DEVICE", "invalid device"),
    "none": (100, "cudaErrorNoDevice", "CUDA_ERROR_NO_DEVICE", "no device"),
    "image": (200, "cudaErrorInvalidKernelImage", "CUDA_ERROR_INVALID_IMAGE", "invalid image"),
    "file": (301, "cudaErrorFileNotFound", "CUDA_ERROR_FILE_NOT_FOUND", "file not found"),
    "name": (500, "cudaErrorSymbolNotFound", "CUDA_ERROR_NOT_FOUND", "named symbol not found"),
    "handle": (400, "cudaErrorInvalidResourceHandle", "CUDA_ERROR_INVALID_HANDLE", "no handle"),
    "early": (600, "cudaErrorNotReady", "CUDA_ERROR_NOT_READY", "not ready"),
}


def error(kind, text="", *, driver=False):
    status, in_runtime, in_driver, meaning = KINDS[kind]
    if driver:
        return CUDADriverError(status, f"{in_driver}: {text or meaning}")
    return CUDARuntimeError(status, f"{in_runtime}: {text or meaning}")


class Fate:
    """Counts the calls that a card could fail, and fails those it was told to."""

    def __init__(self):
        self.calls = 0
        self._lock = threading.Lock()
        self._at = 0
        self._kind = ""
        self._broken = None

    def fail(self, at, kind):
        if at < 1 or kind not in ("launch", "memory", "pool", "lost"):
            raise ValueError(f"call {at} from now cannot fail as {kind!r}")
        with self._lock:
            self._at, self._kind = self.calls + at, kind

    def break_for_good(self, kind, text=""):
        """A card that has seen a fault answers every later call with it."""
        self._broken = kind, text

    def call(self, *, driver=False):
        with self._lock:
            self.calls += 1
            if self.calls == self._at:
                if self._kind == "pool":
                    raise OutOfMemoryError("Out of memory allocating for the pool")
                if self._kind == "lost":
                    self.break_for_good("lost")
                else:
                    raise error(self._kind, driver=driver)
            if self._broken is not None:
                raise error(*self._broken, driver=driver)
