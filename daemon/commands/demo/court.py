"""The court of a demonstration: the reference puller over gRPC, in a thread."""

import threading
from pathlib import Path

from daemon.errors import SuianError
from daemon.stream.court.dial import Appliance
from daemon.stream.court.puller import Puller
from daemon.stream.court.session import Pulled


class Court:
    """Pulls while the paper is fed.

    Parameters
    ----------
    target, consumer
        Where from and as whom.
    folder
        Where pages go.
    """

    def __init__(self, target: str, consumer: str, folder: Path) -> None:
        self._appliance = Appliance(target, consumer)
        self._folder = folder
        self._puller = Puller(self._appliance, folder, follow=True)
        self._error: SuianError | None = None
        self._thread = threading.Thread(target=self._run, name="court", daemon=True)
        self.so_far = "nothing pulled"
        """One line for the screen."""

    def start(self) -> None:
        """Begin to pull."""
        self._thread.start()

    def check(self) -> None:
        """Raise the error the puller ended with, if it has."""
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """End after what is at hand is stored."""
        self._puller.stop()
        self._thread.join()

    def finish(self) -> None:
        """Pull what is left, as a new run does, and fetch the manifests."""
        Puller(self._appliance, self._folder).run()

    def _run(self) -> None:
        try:
            self._puller.run(self._note)
        except SuianError as error:
            self._error = error

    def _note(self, pulled: Pulled) -> None:
        self.so_far = f"{pulled.files} files pulled, {pulled.size_bytes / 1e6:.0f} MB"
