"""What can go wrong with the database under a ledger, said for the reader; a URL's password never appears."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from seatrial.core.errors import SeatrialError

_SQLITE = {
    "SQLITE_READONLY": "read-only",
    "SQLITE_BUSY": "locked",
    "SQLITE_LOCKED": "locked",
    "SQLITE_FULL": "full",
    "SQLITE_NOTADB": "not-a-ledger",
    "SQLITE_CORRUPT": "damaged",
    "SQLITE_CANTOPEN": "unreachable",
    "SQLITE_IOERR": "unreachable",
    "SQLITE_PERM": "read-only",
    "SQLITE_AUTH": "read-only",
    "SQLITE_CONSTRAINT_TRIGGER": "append-only",
}
_POSTGRES = {
    "25006": "read-only",
    "42501": "read-only",
    "53100": "full",
    "53200": "full",
    "55P03": "locked",
    "40P01": "locked",
    "57014": "locked",
    "P0001": "append-only",
}
_SENTENCES = {
    "absent": ("there is no ledger at {where}", "run a check first, or name another ledger"),
    "append-only": ("the ledger {where} takes new entries only", "what is recorded is never changed: append instead"),
    "clock": ("this machine's clock stands before the newest entry of {where}", "correct the clock, then try again"),
    "damaged": ("the ledger {where} is damaged", "restore the file from a copy and verify it against a checkpoint"),
    "failed": ("the ledger {where} could not be used", ""),
    "full": ("there is no space left for the ledger {where}; nothing was recorded", "free space, then run again"),
    "locked": ("the ledger {where} is locked by another program", "wait for it to end, or stop it, then run again"),
    "not-a-ledger": ("{where} is not a ledger", "name another file or database; this one was left as it is"),
    "other-version": (
        "the ledger {where} has a format that this release does not know",
        "use the release that wrote it",
    ),
    "read-only": ("the ledger {where} cannot be written", "give this account the right to write it and its folder"),
    "unreachable": ("the ledger {where} cannot be reached", "check path, host, port and access, then try again"),
}
_TEMPORARY = frozenset({"locked", "full", "unreachable"})


class LedgerError(SeatrialError):
    """The ledger could not do what was asked. `code` is one of `CODES`; nothing that was acknowledged is lost."""

    def __init__(self, code: str, where: str, *, detail: str = "") -> None:
        what, remedy = _SENTENCES[code]
        said = what.format(where=where) + (f": {detail}" if detail else "")
        super().__init__(said, remedy=remedy, permanent=code not in _TEMPORARY)
        self.code = code


CODES = frozenset(_SENTENCES)


@contextmanager
def spoken(where: str) -> Iterator[None]:
    """Turn the database's errors into LedgerErrors."""
    try:
        yield
    except DBAPIError as error:
        raise LedgerError(_code(error), where, detail=_detail(error)) from None
    except SQLAlchemyError as error:
        raise LedgerError("failed", where, detail=type(error).__name__) from None


def _code(error: DBAPIError) -> str:
    name = str(getattr(error.orig, "sqlite_errorname", ""))
    for prefix, code in _SQLITE.items():
        if name.startswith(prefix):
            return code
    state = getattr(error.orig, "sqlstate", None)
    if state in _POSTGRES:
        return _POSTGRES[state]
    if error.connection_invalidated or str(state or "08").startswith(("08", "28", "3D", "57P")):
        return "failed" if name else "unreachable"
    return "failed"


def _detail(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0][:200] if str(error.orig).strip() else type(error.orig).__name__
