"""One edition of a framework: its clauses, told in our own words, and which requirements give evidence for each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """`asks` is a paraphrase, never the framework's text. `supported_by` are ids of requirements."""

    id: str
    title: str
    asks: str
    supported_by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """`edition` is the day of the edition that the clauses are of; `reviewed_on` when this data was last looked over.

    `data_version` grows with every change of the data. Amendments after `edition` are not in it.
    """

    id: str
    title: str
    issued_by: str
    edition: date
    edition_name: str
    data_version: int
    reviewed_on: date
    note: str
    clauses: tuple[Clause, ...]
