"""The identity of a model that tells no version: fixed probes are asked anew, and a changed answer is a changed model.

The answers of the first time are kept as the reference. A later answer is the same where it agrees with the reference;
where answers vary from one time to the next, repeated ones are compared as a whole, so that a noisy model is not
another one every day and one that really changed is.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, cast

import numpy as np
import rfc8785

from seatrial.adapters.models.catalogue import OpenModel
from seatrial.core.errors import Malformed, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Reply, ReplyKind, Request, Row
from seatrial.spec.model import ModelSection
from seatrial.spec.vendor import Vendor
from seatrial.stats.replay import energy_p

FEWEST_PROBES: Final = 20
MOST_PROBES: Final = 500
CHANGED_P: Final = 1e-3
"""A noisy model that did not change is called changed once in so many replays at most."""
HOLDS: Final = timedelta(hours=24)
"""How long an answer to "which model is this" holds, as in the gate."""
LAST: Final = "last"
_PROSE_WORDS: Final = 4

Answer = dict[str, Json]
Answers = list[list[Answer]]
"""Per probe the answers that it was given."""


class ReplayedModel:
    """A model with another identity: name and version as declared, and the reference that its answers agree with.

    References are files in `folder`, in the order in which they were made, and belong beside the ledger. What was asked
    less than a day ago is not asked again, since a vendor's answers cost money, unless `fresh`.
    """

    def __init__(
        self,
        inner: OpenModel,
        section: ModelSection,
        *,
        base_dir: Path,
        folder: Path,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        fresh: bool = False,
    ) -> None:
        if section.vendor is None:
            raise Malformed("the model is declared as no vendor's", remedy="Declare model.vendor.")
        self._inner = inner
        self._vendor: Vendor = section.vendor
        self._batch = section.batch
        self._base_dir = base_dir
        self._folder = folder
        self._now = now
        self._fresh = fresh
        self._asked = hashlib.sha256(section.model_dump_json().encode()).hexdigest()

    def predict(self, rows: Sequence[Row]) -> Reply:
        """The model's own answer."""
        return self._inner.predict(rows)

    def request(self, rows: Sequence[Row]) -> Request | None:
        """The request that `predict` would send."""
        return self._inner.request(rows)

    def close(self) -> None:
        """Let go of everything."""
        self._inner.close()

    def identity(self) -> str:
        """Who made it, and which reference its answers agree with; a new reference where they agree with none.

        Raises Malformed for probes that cannot be used, Unreachable while the model does not answer.
        """
        content, probes = self._probes()
        known = (
            self._folder
            / hashlib.sha256(
                rfc8785.dumps([self._vendor.name, self._vendor.version, hashlib.sha256(content).hexdigest()])
            ).hexdigest()
        )
        if not self._fresh and (told := self._held(known)) is not None:
            return told
        found = self._replayed(known, probes)
        self._hold(known, found)
        return found

    def _replayed(self, known: Path, probes: Sequence[Row]) -> str:
        today: Answers = [[] for _ in probes]
        self._ask(probes, today, 1)
        for reference in _references(known):
            if len(reference) != len(probes):
                continue
            if not all(_agrees(r, t, self._vendor.tolerance) for r, t in zip(reference, today, strict=True)):
                self._ask(probes, today, self._vendor.repeats)
                if changed(reference, today, self._vendor.tolerance):
                    continue
            return _told(self._vendor, reference)
        self._ask(probes, today, self._vendor.repeats)
        _tell_something(today)
        _keep(known, today)
        return _told(self._vendor, today)

    def _held(self, known: Path) -> str | None:
        """What was found less than a day ago of this very declaration; None where it has to be asked."""
        try:
            last = json.loads((known / LAST).read_bytes())
            age = self._now() - datetime.fromisoformat(last["at"])
            return str(last["identity"]) if last["asked"] == self._asked and timedelta() <= age < HOLDS else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _hold(self, known: Path, identity: str) -> None:
        """Keep what was found; where that cannot be written, it is asked again next time."""
        content = json.dumps({"at": self._now().isoformat(), "asked": self._asked, "identity": identity})
        with suppress(OSError):
            part = known / f"{LAST}.{os.getpid()}"
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(content)
            part.replace(known / LAST)

    def _probes(self) -> tuple[bytes, list[Row]]:
        path = self._vendor.probes
        if path is None:
            raise Malformed(
                "no probes are declared, so a change of the vendor's model could not be noticed",
                remedy="Declare model.vendor.probes: some fifty rows of inputs, as JSON lines.",
            )
        try:
            content = (self._base_dir / path).read_bytes()
        except OSError as error:
            raise Unreachable(
                f"the probes {path} cannot be read: {error.strerror or error}",
                remedy="Correct model.vendor.probes, or bring the file back.",
            ) from None
        rows: list[Row] = []
        for number, line in enumerate(content.splitlines(), 1):
            if not line.strip():
                continue
            row = _parsed(line)
            if row is None:
                raise Malformed(f"{path}:{number}: expected the inputs of one row as a JSON object")
            rows.append(row)
        if not FEWEST_PROBES <= len(rows) <= MOST_PROBES:
            raise Malformed(
                f"{path} holds {len(rows)} probes, expected {FEWEST_PROBES} to {MOST_PROBES}",
                remedy="Take rows of all kinds that the model meets, some of them close to its decision.",
            )
        return content, rows

    def _ask(self, probes: Sequence[Row], answers: Answers, times: int) -> None:
        """Ask all probes until each has been answered so many times."""
        while len(answers[0]) < times:
            for start in range(0, len(probes), self._batch):
                rows = probes[start : start + self._batch]
                for place, answer in enumerate(self._answered(rows), start):
                    answers[place].append(answer)

    def _answered(self, rows: Sequence[Row]) -> list[Answer]:
        reply = self._inner.predict(rows)
        if reply.kind is ReplyKind.OK and len(reply.predictions) == len(rows):
            return [{"prediction": p.prediction, "score": p.score} for p in reply.predictions]
        if len(rows) > 1:
            return [answer for row in rows for answer in self._answered([row])]
        if reply.kind is ReplyKind.REFUSED:
            return [{"refused": True}]
        raise Unreachable(
            f"a probe was not answered: {reply.kind.value} {reply.error}".strip(),
            remedy="See that the model answers every probe, or take other probes.",
            permanent=False,
        )


def changed(reference: Answers, today: Answers, tolerance: float) -> bool:
    """Whether today's answers are those of another model.

    A probe that always had the one answer and now never has it is a change. All probes together are one where their
    answers lie further apart than chance explains.
    """
    if any(
        _unanimous(r, tolerance) and not any(_known(r, answer, tolerance) for answer in t)
        for r, t in zip(reference, today, strict=True)
    ):
        return True
    # Each part of an answer by itself: a prediction that flips would hide a score that moved.
    parts = sorted({key for each in (*reference, *today) for answer in each for key in answer})
    split = [len(r) for r in reference]
    return any(
        energy_p([_distances([*r, *t], part, tolerance) for r, t in zip(reference, today, strict=True)], split)
        <= CHANGED_P / len(parts)
        for part in parts
    )


def _agrees(reference: Sequence[Answer], today: Sequence[Answer], tolerance: float) -> bool:
    """Whether a probe that always had one answer has it still. Of one whose answers vary, single ones say nothing."""
    return _unanimous(reference, tolerance) and all(_known(reference, answer, tolerance) for answer in today)


def _known(reference: Sequence[Answer], answer: Answer, tolerance: float) -> bool:
    return any(distance(known, answer, tolerance) == 0.0 for known in reference)


def _unanimous(answers: Sequence[Answer], tolerance: float) -> bool:
    return all(distance(answers[0], other, tolerance) == 0.0 for other in answers[1:])


def _distances(answers: Sequence[Answer], part: str, tolerance: float) -> np.ndarray:
    found = np.zeros((len(answers), len(answers)))
    for i, a in enumerate(answers):
        for j in range(i):
            found[i, j] = found[j, i] = _apart(a.get(part), answers[j].get(part), tolerance)
    return found


def distance(a: Answer, b: Answer, tolerance: float) -> float:
    """From 0, the same but for the tolerance, to 1."""
    if a.keys() != b.keys():
        return 1.0
    return max((_apart(a[key], b[key], tolerance) for key in a), default=0.0)


def _apart(a: Json, b: Json, tolerance: float) -> float:
    if a == b:
        return 0.0
    if _is_number(a) and _is_number(b):
        gap = abs(float(cast("float", a)) - float(cast("float", b)))
        scale = max(1.0, abs(float(cast("float", a))), abs(float(cast("float", b))))
        return 0.0 if gap <= tolerance * scale else min(1.0, gap / scale)
    if isinstance(a, str) and isinstance(b, str):
        first, second = set(a.split()), set(b.split())
        if min(len(first), len(second)) >= _PROSE_WORDS:
            return 1.0 - len(first & second) / len(first | second)
    return 1.0


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _tell_something(answers: Answers) -> None:
    first = answers[0][0]
    if all(distance(first, answer, 0.0) == 0.0 for each in answers for answer in each):
        raise Malformed(
            f"all {len(answers)} probes have the same answer, so they would not show a change",
            remedy="Take probes of all kinds that the model meets, some of them close to its decision.",
        )


def _told(vendor: Vendor, reference: Answers) -> str:
    content = rfc8785.dumps([vendor.name, vendor.version, cast("Json", reference)])
    return hashlib.sha256(content).hexdigest()


def _references(folder: Path) -> Iterator[Answers]:
    """What was kept, oldest first. Raises Malformed for a file that is no reference."""
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            content = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise Malformed(
                f"the reference {path.name} of the vendor's answers cannot be read: {error}",
                remedy=f"Bring it back from a copy, or remove {folder.name}; the evidence then has to be made anew.",
            ) from None
        yield content["answers"]


def _keep(folder: Path, answers: Answers) -> None:
    """Write the next reference. What another process wrote meanwhile stays."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = json.dumps({"answers": answers}, ensure_ascii=False).encode()
    number = len(list(folder.glob("*.json"))) + 1
    while True:
        path = folder / f"{number:04}.json"
        with suppress(FileExistsError):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            return
        number += 1


def _parsed(line: bytes) -> Row | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
