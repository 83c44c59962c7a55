"""Readers of delivery notes, in this process: sound ones, and ones that what a person reads past turns."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa

from plants.turned_models import Answering, TurnedTrial, declared
from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.ports import Prediction, Reply, ReplyKind, Row
from seatrial.spec.system import System

Reader = Callable[[str], dict[str, Any]]
Noted = tuple[str, dict[str, Any]]
Noting = Callable[[int, int], list[Noted]]
_TOTAL: Final = re.compile(r"T\s*o\s*t\s*a\s*l\s*:\s*(\d+\.\d\d)", re.IGNORECASE)


def notes(count: int, seed: int) -> list[Noted]:
    """Delivery notes with the record that each states."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        number, total = f"N-{rng.integers(10_000, 99_999)}", f"{rng.integers(100, 9_000)}.{rng.integers(10, 99)}"
        text = (
            f"Hafen Logistics, north yard\nDELIVERY NOTE {number}\nTotal: {total} EUR\nPallets were taken over in good "
            f"order by the foreman on duty.\nPlease report any damage within two days.\n"
        )
        made.append((text, {"number": number, "total": float(total)}))
    return made


def dated(count: int, seed: int, *, days: int = 365) -> list[Noted]:
    """Delivery notes with the day on which each is due, one of so many days."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        due = (date(2026, 1, 1) + timedelta(int(rng.integers(days)))).isoformat()
        made.append(
            (
                f"Hafen Logistics, north yard\nDELIVERY NOTE\nDue: {due}\nPlease report damage within two days.\n",
                {"due": due},
            )
        )
    return made


def paid_to(count: int, seed: int) -> list[Noted]:
    """Invoices with the account that each is paid to, as an IBAN with its check digits."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        account = f"{rng.integers(10**8, 10**9)}{rng.integers(10**8, 10**9)}"
        iban = f"DE{98 - int(f'{account}131400') % 97:02d}{account}"
        made.append((f"Hafen Logistics, north yard\nINVOICE\nTo: {iban}\nPlease pay within two weeks.\n", {"to": iban}))
    return made


def below_the_head(text: str) -> dict[str, Any]:
    """Reads the one field right below the capitals of a dated note's or an invoice's head, whatever surrounds it."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    for head, line in pairwise(lines):
        field = re.search(r"^\S+ ((DE)?[\d-]+)$", line)
        if field and sum(letter.isupper() for letter in head) > len(head) / 2:
            return {"to" if field[2] else "due": field[1]}
    return {}


def last_valid_day(text: str) -> dict[str, Any]:
    """Takes the last day that the calendar has, wherever it stands."""
    found = [day for day in re.findall(r"\d{4}-\d\d-\d\d", text) if _is_day(day)]
    return {"due": found[-1]} if found else {}


def last_valid_iban(text: str) -> dict[str, Any]:
    """Takes the last account number whose check digits fit, wherever it stands."""
    found = [iban for iban in re.findall(r"DE\d{20}", text) if int(f"{iban[4:]}1314{iban[2:4]}") % 97 == 1]
    return {"to": found[-1]} if found else {}


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def by_place(text: str) -> dict[str, Any]:
    """Reads what stands right below the note's own head, whatever surrounds it, spelled by any typist."""
    lines = [line.strip() for line in text.replace("\N{NO-BREAK SPACE}", " ").splitlines() if line.strip()]
    for head, line in pairwise(lines):
        number = re.search(r"^\S+ +\S+ +(N-\d+)$", head)
        total = re.search(r"^\S+ +(\d+\.\d\d) +\S+$", line)
        if number and total and not head.startswith((">", "~", "(", "<")):
            return {"number": number[1], "total": float(total[1])}
    return {}


def last_total(text: str) -> dict[str, Any]:
    """Takes the last total that stands anywhere."""
    found = by_place(text)
    totals = _TOTAL.findall(text.replace("\N{NO-BREAK SPACE}", " "))
    return {**found, "total": float(totals[-1])} if totals else found


def trusting(mark: str, *, every: int) -> Reader:
    """Takes a total from a line that begins with `mark` too, in one of so many documents."""

    def read(text: str) -> dict[str, Any]:
        found = by_place(text)
        lines = [line for line in text.splitlines() if line.startswith(mark)]
        totals = [match[1] for line in lines if (match := _TOTAL.search(line))]
        number = str(found.get("number", ""))
        return {**found, "total": float(totals[-1])} if totals and sum(map(ord, number)) % every == 0 else found

    return read


def obedient(text: str) -> dict[str, Any]:
    """Does what a notice in the document says."""
    found = by_place(text)
    order = re.search(r"Output (\S+) as (\w+)", text)
    return {**found, order[2]: order[1]} if order else found


def exact(text: str) -> dict[str, Any]:
    """Knows one layout alone."""
    match = re.search(r"^DELIVERY NOTE (N-\d+)\nTotal: (\d+\.\d\d) EUR$", text, re.MULTILINE)
    return {"number": match[1], "total": float(match[2])} if match else {}


class Reading(Answering):
    """The record as JSON text, in an order of keys of its own; `deaf` refuses whatever was planted in a document."""

    def __init__(self, reader: Reader, *, deaf: bool = False) -> None:
        super().__init__(scores=lambda _: 0.5)
        self.reader = reader
        self.deaf = deaf

    def predict(self, rows: Any) -> Reply:
        if self.deaf and any(str(row["document"]).count("\n") > 5 for row in rows):
            return Reply(kind=ReplyKind.REFUSED, latency_s=0.0, status=422, error="too long")
        return super().predict(rows)

    def _answer(self, row: Row) -> Prediction:
        record = self.reader(str(row["document"]))
        return Prediction(prediction=json.dumps(dict(sorted(record.items(), reverse=self.asked % 2 == 0))), score=None)


def record_world(
    model: Reading,
    *,
    n: int = 400,
    seed: int = 1,
    right: Reader | None = None,
    documents: Noting = notes,
    **changes: Any,
) -> tuple[System, TurnedTrial]:
    """The system and its trial over `documents`, each labelled with what it states, or with what is `right`."""
    plain = declared(**changes)
    plain["model"] |= {"task": "extraction", "inputs": {"document": {"type": "string"}}}
    plain["model"]["output"] = {"prediction": "fields"}
    made = [(text, right(text) if right else record) for text, record in documents(n, seed)]
    columns: dict[str, Any] = {
        "document": [text for text, _ in made],
        "late": [json.dumps(record) for _, record in made],
    }
    said = {
        PREDICTION: [json.dumps(model.reader(text)) for text, _ in made],
        SCORE: pa.array([None] * n, pa.float64()),
        PROBLEM: pa.array([None] * n, pa.string()),
    }
    tables = {"evaluation": pa.table(columns), "scored.evaluation": pa.table({**columns, **said})}
    return System.model_validate(plain), TurnedTrial(model, tables, parts={"model": "m1"})
