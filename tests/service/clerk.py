"""A clerk beside the scanner, with hands only: lays back what was not read, presses Scan.

Rule 1: a clerk may come at once or late. At once the path is empty when the daemon is back, and the
sheet is lost until somebody has looked; late the daemon has seen it in the path, and asks for it.
"""


class WrongPile(Exception):
    """The paper does not lie as the ledger says."""


class Clerk:
    """Looks after one appliance.

    Parameters
    ----------
    hall
        The appliance.
    chance
        Says when the clerk comes.
    """

    def __init__(self, hall, chance):
        self.laid_back = 0
        self._hall = hall
        self._chance = chance
        self._out = 0
        self._is_late = False

    def hear_of_a_death(self):
        """Count what has left the hopper and was not read; the daemon is dead.

        Raises WrongPile if a sheet was read that has not gone through.
        """
        pile, read = self._hall.hopper.look(), self._hall.sheets_read()
        self._out = pile.next_sheet - read
        self._is_late = self._chance.random() < 0.5
        if self._out < pile.in_path:
            raise WrongPile(f"{read} sheets were read, and the paper lies so: {pile}")

    def work(self):
        """Do what is to be done at this moment."""
        if self._out:
            if self._is_late and self._hall.accounts(lambda accounts: accounts.open_faces()):
                return  # the daemon has not yet said what it wants
            in_path = self._hall.hopper.look().in_path
            self._hall.hopper.refeed()
            self._hall.hopper.take_back(self._out - in_path)
            self.laid_back += self._out
            self._out = 0
        self._hall.hopper.press_scan()
