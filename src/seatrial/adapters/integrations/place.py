"""One end of an integration, as its adapter sees it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from seatrial.core.errors import Malformed, Refused
from seatrial.core.ports import Row
from seatrial.spec.integration import End


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One end of one integration, and what may be done there."""

    name: str
    kind: str
    end: End
    which: str
    writable: bool

    def refuse_write(self) -> None:
        """Raises Refused unless this is a test end that is declared writable, or production in its approved window."""
        window = self.end.opens() if self.which == "production" else None
        if self.writable and window is not None and not window.left_s(datetime.now(UTC)):
            raise Refused(
                f"integration {self.name!r} may be written to in production only within {self.end.window} UTC",
                remedy=f"The window opens {window.next_opening(datetime.now(UTC)):%a %d %b, %H:%M} UTC.",
            )
        self.refuse_remove()

    def refuse_remove(self) -> None:
        """Raises Refused unless it is declared writable. What is ours may be taken back after its window closed too."""
        if not self.writable:
            raise Refused(
                f"integration {self.name!r} is not declared writable at its {self.which} end",
                remedy=f"Give integrations.{self.name} a test end with writable: true.",
            )

    def declared(self, what: str) -> str:
        """A path or query of this end. Raises Malformed when it is not declared."""
        value: str | None = getattr(self.end, what)
        if not value:
            raise Malformed(
                f"integration {self.name!r} declares no {what!r} for its {self.which} end",
                remedy=f"Add integrations.{self.name}.{self.which}.{what}.",
            )
        return value

    def topic(self, use: str, of_both: str | None) -> str:
        """Where records are for this use: its own topic, else the end's, else that of both ends. Raises Malformed."""
        return getattr(self.end, use) or self.end.topic or of_both or self.declared("topic")

    def grouped(self, rows: Sequence[Row], key: str, wanted: Collection[str]) -> dict[str, list[Row]]:
        """Observed records by the text of their field `key`. Raises Malformed when records lack it."""
        groups: dict[str, list[Row]] = {}
        for row in rows:
            if key not in row:
                raise Malformed(
                    f"integration {self.name!r} shows records without the key {key!r}",
                    remedy=f"Let integrations.{self.name}.{self.which}.observe return it.",
                )
            if str(row[key]) in wanted:
                groups.setdefault(str(row[key]), []).append(row)
        return groups
