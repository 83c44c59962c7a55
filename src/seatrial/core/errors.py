"""The base of every error that a user may read: what failed, where, and what to do about it."""

from __future__ import annotations


class SeatrialError(Exception):
    """An error written for the reader.

    `what` says what failed and where; `remedy` what to do; `permanent` is False when trying again may help.
    """

    def __init__(self, what: str, *, remedy: str = "", permanent: bool = True) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.permanent = permanent

    def __str__(self) -> str:
        return f"{self.what}\n  {self.remedy}" if self.remedy else self.what


class Unreachable(SeatrialError):
    """Something outside did not answer, or not in time."""


class Malformed(SeatrialError):
    """Something outside answered in a form that its declaration does not allow."""


class NoRows(Malformed):
    """It can be read, and there is not one row in it."""


class Refused(SeatrialError):
    """seatrial will not do this: an undeclared target, a write where only reading is declared, a missing permission."""


class MissingExtra(SeatrialError):
    """An optional part is not installed; the remedy names the extra."""
