"""One round of a siege: a stack is fed and pulled while both processes die, again and again.

Rule 1: a process ends when it is killed, or when a sync of its disk has failed, and never else.
Rule 2: nobody helps but a clerk, who lays back what was not read and presses Scan.
"""

import signal
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.service import injection
from tests.service.clerk import Clerk, WrongPile
from tests.service.doom import Doom
from tests.service.link import COURT, HALL

POLL_S = 0.05
PATIENCE_S = 120.0
SEPARATORS = 2
DAEMON, PULLER = "daemon", "puller"
# How long after its start one dies that dies early, and how long after something has moved another.
_STARTING_S = {DAEMON: 4.0, PULLER: 2.0}
_MOVED_S = 1.5  # as long as a sheet takes
_WHILE_STARTING = 0.45
_TOGETHER = 0.25
_MOST_AHEAD = 2
_CUT_S = (1.0, 5.0)
_A_SHEET_S = 10.0  # at the very most, in peace
_WAITS = "feeding waits: disk"
_NOBODY_DIES = "a process that is to die never comes so far"


class Fallen(Exception):
    """Something did not hold; the sentence says what."""


@dataclass
class Tally:
    """What was done in a round."""

    kills: Counter = field(default_factory=Counter)
    together: int = 0
    eio: Counter = field(default_factory=Counter)
    full_disks: int = 0
    partitions: int = 0
    deaths: int = 0


class Raid:
    """A round.

    Parameters
    ----------
    hall, court
        The two that are besieged; nothing of theirs runs yet.
    chance
        Chooses who dies, and when.
    link, disk
        The cable between them and the disk of the spool; None: they cannot be harmed.
    """

    def __init__(self, hall, court, chance, *, link=None, disk=None):
        self.tally = Tally()
        self.clerk = Clerk(hall, chance)
        self._hall = hall
        self._court = court
        self._chance = chance
        self._link = link
        self._disk = disk
        self._parties = {DAEMON: hall, PULLER: court}
        self._dooms = {}
        self._spared = frozenset()
        self._absent = frozenset()
        self._injected = None
        self._instance = 0

    def besiege(self, kills, *, eio=0, full_disks=0, partitions=0):
        """Kill so many processes; what else befalls them comes in between.

        Raises Fallen when something does not hold that must hold at any moment.
        """
        # A failing sync needs no paper that is left.
        misfortunes = [self._full] * full_disks + [self._cut] * partitions + [self._eio] * eio
        patience_s = PATIENCE_S * (1 + kills)
        due = sorted(self._chance.randint(0, kills * 2 // 3) for _ in misfortunes)
        for at, misfortune in zip(due, misfortunes, strict=True):
            self._until(lambda at=at: self.tally.kills.total() >= at, _NOBODY_DIES, patience_s)
            misfortune()
        self._until(lambda: self.tally.kills.total() >= kills, _NOBODY_DIES, patience_s)

    def heal(self):
        """Let all paper be fed and pulled in peace, then end both.

        Raises Fallen when they do not come to rest or do not end in peace.
        """
        with self._sparing(DAEMON, PULLER):
            patience_s = PATIENCE_S + _A_SHEET_S * self._hall.sheets
            self._until(self._hall.at_rest, "a batch stays open", patience_s)
            self._until(self._all_is_pulled, "the court never has everything")
            self._until(self._is_connected, "puller and daemon do not meet")
        for name in (PULLER, DAEMON):
            status, logged = self._parties[name].end(signal.SIGTERM)
            if status:
                raise Fallen(f"the {name} ended with {status} when told to stop: {logged}")

    def end(self):
        """Leave nothing running."""
        for party in self._parties.values():
            if party.lives:
                party.end(signal.SIGKILL)

    # -- a step -------------------------------------------------------------------------------

    def _step(self):
        """Start who is dead, let the clerk work, kill whose time has come, wait a moment."""
        for name, party in self._parties.items():
            if party.process is not None and not party.lives:
                self._ended_by_itself(name)
            if party.process is None and name not in self._absent:
                self._start(name)
        self.clerk.work()
        due = [name for name, doom in self._dooms.items() if doom.is_due()]
        for name in due:
            if name in self._dooms and name not in self._spared:
                together = not self._spared and self._chance.random() < _TOGETHER
                self._kill(*((DAEMON, PULLER) if together else (name,)))
        time.sleep(POLL_S)

    def _until(self, condition, otherwise, patience_s=PATIENCE_S):
        end_s = time.monotonic() + patience_s
        while not condition():
            if time.monotonic() > end_s:
                raise Fallen(otherwise)
            self._step()

    def _for(self, seconds):
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self._step()

    @contextmanager
    def _sparing(self, *names):
        before, self._spared = self._spared, frozenset(names)
        try:
            yield
        finally:
            self._spared = before

    def _start(self, name, *before):
        if name == PULLER:
            self._instance = self._hall.instance()
        self._parties[name].start(*before)
        self._dooms[name] = self._doom(name)

    def _doom(self, name):
        """Draw a moment: also while it starts, else when paper or pages have moved."""
        hall, court = self._hall, self._court
        other = PULLER if name == DAEMON else DAEMON

        def leads():
            return self.tally.kills[name] - self.tally.kills[other] >= _MOST_AHEAD

        if self._chance.random() < _WHILE_STARTING:
            delay_s = self._chance.uniform(0, _STARTING_S[name])
            return Doom(lambda: not leads(), delay_s)
        now = court.sequence if name == PULLER else lambda: hall.hopper.look().next_sheet
        before = now()

        def moved():
            return not leads() and (now() > before or hall.at_rest())

        return Doom(moved, self._chance.uniform(0, _MOVED_S))

    def _kill(self, *names):
        running = [name for name in names if self._parties[name].process is not None]
        for name in running:
            self._parties[name].process.send_signal(signal.SIGKILL)
        for name in running:
            if self._parties[name].end(signal.SIGKILL)[0] == -signal.SIGKILL:
                self.tally.kills[name] += 1
                self._forget(name)
            else:
                self._ended_by_itself(name)
        self.tally.together += len(running) > 1

    def _ended_by_itself(self, name):
        """Take it for the work of a failed sync, or raise Fallen."""
        party, injected = self._parties[name], self._injected
        status = party.process.returncode
        if name == PULLER or injected is None or not injected.has_fired or status <= 0:
            raise Fallen(f"the {name} ended by itself with {status}: {party.logged}")
        self.tally.eio[injected.what] += 1
        self._injected = None
        self._forget(name)

    def _forget(self, name):
        """Let go of a process that has died; it is started anew at the next step."""
        self._parties[name].process = None
        del self._dooms[name]
        if name == PULLER:
            self._check_acknowledged()
            return
        self.tally.deaths += 1
        try:
            self.clerk.hear_of_a_death()
        except WrongPile as wrong:
            raise Fallen(str(wrong)) from wrong

    def _check_acknowledged(self):
        """Raise Fallen if the court, whose puller is dead, has said more than it holds."""
        acknowledged, held = self._hall.acknowledged()[0], self._court.sequence()
        if acknowledged > held:
            raise Fallen(f"the court has acknowledged {acknowledged} entries and holds {held}")

    def _all_is_pulled(self):
        cursor, last = self._hall.acknowledged()
        return cursor == last == self._court.sequence()

    def _is_connected(self):
        """Tell whether the puller that lives now has met a daemon, and the daemon serves."""
        return self._hall.serves and self._hall.instance() > self._instance

    # -- what else befalls them ---------------------------------------------------------------

    def _eio(self):
        """Let a sync fail: the daemon must end by itself, and say so by its status."""
        hall, before = self._hall, self.tally.eio.total()
        while self.tally.eio.total() == before:
            self._kill(DAEMON)
            injected = self._injected = injection.choose(self._chance, hall)
            self._start(DAEMON, injected.command)
            on = f"the daemon lives on after EIO at a {injected.what}"
            with self._sparing(DAEMON):
                self._until(lambda one=injected: self._injected is None or self._is_idle(one), on)

    def _is_idle(self, injected):
        """Tell whether no sync comes any more that could fail: then another one is chosen."""
        return self._hall.at_rest() and self._all_is_pulled() and not injected.has_fired

    def _cut(self):
        """Cut the link for a while: both live on, and the puller comes back by itself."""
        hall = self._hall
        with self._sparing(PULLER):
            self._until(lambda: self._court.sequence() or hall.at_rest(), "no page moves")
            self._link.cut(self._chance.choice((HALL, COURT)))
            last = hall.acknowledged()[1]
            self._for(self._chance.uniform(*_CUT_S))
            if self._court.sequence() > last:
                raise Fallen("entries reached the court through a link that is cut")
            self._link.mend()
        with self._sparing(DAEMON, PULLER):
            last = hall.acknowledged()[1]
            back = "the puller did not come back after the link was mended"
            self._until(lambda: hall.acknowledged()[0] >= last, back)
        self.tally.partitions += 1

    def _full(self):
        """Fill the disk: feeding pauses and acknowledgements commit, also behind a kill."""
        hall, hopper = self._hall, self._hall.hopper
        self._kill(PULLER)
        self._absent = frozenset({PULLER})
        with self._sparing(DAEMON, PULLER):
            self._until(self._owes_a_page, "no page moves")
            self._for(self._chance.uniform(0, _MOVED_S))
            self._disk.fill()
            self._until(self._waits_for_the_disk, "feeding does not pause on a full disk")
            self._absent = frozenset()
            self._until(self._all_is_pulled, "no acknowledgement commits on a full disk")
            self._kill(DAEMON, PULLER)
            laid = hall.sheets_read()
            self._until(self._waits_for_the_disk, "the daemon is not back on a full disk")
            self._until(self._all_is_pulled, "no acknowledgement commits on a full disk")
            if hopper.look().next_sheet != laid:
                raise Fallen("paper was fed while the disk was full")
            self._disk.empty()
            on = "feeding does not go on after the disk was full"
            self._until(lambda: hopper.look().next_sheet > laid or hall.at_rest(), on)
        self.tally.full_disks += 1

    def _owes_a_page(self):
        """Tell whether the court has not acknowledged everything, and the separators are through.

        Of separators no raster is kept, so a disk that is full then asks less of the daemon.
        """
        through = self._hall.hopper.look().next_sheet > SEPARATORS
        return (through and not self._all_is_pulled()) or self._hall.at_rest()

    def _waits_for_the_disk(self):
        hall = self._hall
        return hall.at_rest() or (hall.lives and _WAITS in hall.logged)
