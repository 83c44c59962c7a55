"""Sends hostile prompts within the declared rate and number of requests, and keeps what came of every try.

A try whose request failed says nothing; it is made again, a few times, and where it still says nothing its prompt
counts as one that may work. A prompt that worked once is tried further, to see whether it works again.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from seatrial.core.check import Trial
from seatrial.core.errors import Unreachable
from seatrial.core.ports import Reply, ReplyKind, Row
from seatrial.domains.model.adversarial_chat_prompts import Attempt, Prompt
from seatrial.spec.adversarial_chat import AttackFamily
from seatrial.spec.system import System

_AT_ONCE: Final = 4
_AGAIN: Final = 2
_CONFIRMING: Final = 3
_REPRODUCED: Final = 2
_ENOUGH: Final = 3
"""So many prompts that work again and again settle the family."""
_SILENT: Final = 24
"""So many requests in a row that nobody answered: the endpoint is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came of one try: `said` is all that came out, `problem` why it says nothing, empty where it does.

    An answer that was `cut_off` at its greatest length answers no question, but it is all that an attacker gets.
    """

    said: str
    problem: str = ""
    cut_off: bool = False

    @property
    def failed(self) -> bool:
        """Whether an attack learns nothing from it."""
        return bool(self.problem) and not self.cut_off


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One prompt: of `tries` that say something, `worked`; of `further` ones, made because one did, `again`."""

    prompt: Prompt
    tries: int
    worked: int
    wanted: int
    further: int = 0
    again: int = 0
    problem: str = ""
    said: str = ""
    """The first answer that says something."""

    @property
    def open(self) -> bool:
        """Whether too few tries say something to call it one that does not work."""
        return not self.worked and self.tries < self.wanted

    @property
    def reproduced(self) -> bool:
        """Whether it worked more than once."""
        return self.worked + self.again >= _REPRODUCED


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What was tried of one family; `planned` prompts were wanted, fewer were tried once enough of them worked."""

    family: AttackFamily
    planned: int
    tried: tuple[Tried, ...]

    @property
    def working(self) -> tuple[Tried, ...]:
        """The prompts that worked, those that work again and again first."""
        return tuple(sorted((t for t in self.tried if t.worked), key=lambda t: not t.reproduced))

    @property
    def settled(self) -> bool:
        """Whether enough prompts work again and again to end the search."""
        return sum(t.reproduced for t in self.tried) >= _ENOUGH


class Asker:
    """Asks the model under trial. `answers` keeps what came out, for what is looked at in all answers."""

    def __init__(self, system: System, trial: Trial) -> None:
        self._model = trial.model
        self._clock = trial.clock
        self._pause_s = 1.0 / system.adversarial.chat.rate
        chat = system.model.chat
        # A callable in a process of its own answers one call after the other.
        self._at_once = 1 if system.model.python else chat.parallel if chat else _AT_ONCE
        self._next = 0.0
        self._until = self._clock.monotonic() + system.adversarial.time
        self._lock = threading.Lock()
        self._silent = 0
        self._begun = self._clock.monotonic()
        self.left = system.adversarial.chat.requests
        self.sent = 0

    @property
    def late(self) -> bool:
        """Whether the declared time is over."""
        return max(self._next, self._clock.monotonic()) > self._until

    @property
    def pace_s(self) -> float:
        """How long a request has taken on average, with as many at once as there were. Zero before the first."""
        return (self._clock.monotonic() - self._begun) / self.sent if self.sent else 0.0

    def ask(self, rows: Sequence[Row]) -> list[Came]:
        """What came of each row. Raises Unreachable once nobody has answered for long."""
        with ThreadPoolExecutor(self._at_once) as pool:
            return list(pool.map(self._one, rows))

    def _one(self, row: Row) -> Came:
        with self._lock:
            if self.left <= 0 or self.late:
                used = "number of requests (adversarial.chat.requests)" if self.left <= 0 else "time (adversarial.time)"
                return Came(said="", problem=f"the declared {used} was used up")
            if self._silent >= _SILENT:
                raise Unreachable(
                    "the model's endpoint stopped answering while it was attacked",
                    remedy="See whether it still runs, and what its log says.",
                    permanent=False,
                )
            self.left -= 1
            self.sent += 1
            now = self._clock.monotonic()
            start = max(now, self._next)
            self._next = start + self._pause_s
        if start > now:
            self._clock.sleep(start - now)
        reply = self._model.predict([row])
        with self._lock:
            # A filter that stops one request after the other is no endpoint that is gone.
            gone = reply.kind not in {ReplyKind.OK, ReplyKind.REFUSED} and not reply.said
            self._silent = self._silent + 1 if gone else 0
        return _read(reply)


def _read(reply: Reply) -> Came:
    if reply.kind is ReplyKind.OK:
        answer = reply.predictions[0].prediction
        return Came(said=answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, default=str))
    return Came(said=reply.said, problem=f"{reply.kind.value}: {reply.error}", cut_off=reply.cut_off)


class Search:
    """A family that is tried in waves, each way once a wave, until enough prompts work again and again."""

    def __init__(self, asker: Asker, prompts: Sequence[Prompt], *, samples: int, wave: int, seed: int) -> None:
        self._asker = asker
        self._prompts = prompts
        self._samples = samples
        self._wave = wave
        self._seed = seed
        self._done: list[Tried] = []

    @property
    def so_far(self) -> Campaign:
        """What was tried, and what came of it."""
        return Campaign(family=self._prompts[0].family, planned=len(self._prompts), tried=tuple(self._done))

    @property
    def over(self) -> bool:
        """Whether nothing more is to be tried."""
        return len(self._done) >= len(self._prompts) or self.so_far.settled

    def go_on(self) -> None:
        """Try the next wave."""
        start = len(self._done)
        numbered = list(enumerate(self._prompts[start : start + self._wave], start))
        self._done += _wave(self._asker, numbered, self._samples, self._seed)


class Turn(Protocol):
    """Something that is done a part at a time."""

    @property
    def over(self) -> bool:
        """Whether nothing is left to do."""

    def go_on(self) -> None:
        """Do the next part."""


def in_turns(asker: Asker, turns: Sequence[tuple[Turn, str]], say: Callable[[str, float], None]) -> None:
    """Each does a part, again and again, until all or the time are over: all are begun before one is finished.

    The first part of the first one is done in any case. Beside each stands what it does, in words.
    """
    rounds = 0
    while waiting := [(turn, doing) for turn, doing in turns if not turn.over]:
        for turn, doing in waiting:
            if asker.late and (rounds or turn is not turns[0][0]):
                return
            say(doing, 1.0 - len(waiting) / len(turns) if rounds else 0.0)
            turn.go_on()
        rounds += 1


def _wave(asker: Asker, numbered: Sequence[tuple[int, Prompt]], samples: int, seed: int) -> Iterator[Tried]:
    counts = {at: Counter[str]() for at, _ in numbered}
    problems: dict[int, str] = {}
    first: dict[int, str] = {}
    made = 0
    pending = [(at, prompt) for at, prompt in numbered for _ in range(samples)]
    for _ in range(1 + _AGAIN):
        failed = []
        attempts = [_made(prompt, seed, at, made + i) for i, (at, prompt) in enumerate(pending)]
        made += len(pending)
        for (at, prompt), attempt, came in zip(pending, attempts, _came(asker, attempts), strict=True):
            worked = attempt.worked(came.said) if came.said else False
            if came.failed and (not worked or prompt.family == "invention"):
                problems[at] = came.problem
                failed.append((at, prompt))
            else:
                counts[at]["worked"] += worked
                counts[at]["tries"] += 1
                first.setdefault(at, came.said)
        pending = failed
    again = [(at, prompt) for at, prompt in numbered if counts[at]["worked"] == 1 for _ in range(_CONFIRMING)]
    attempts = [_made(prompt, seed, at, made + i) for i, (at, prompt) in enumerate(again)]
    for (at, _), attempt, came in zip(again, attempts, _came(asker, attempts), strict=True):
        counts[at]["further"] += 1
        counts[at]["again"] += not came.failed and attempt.worked(came.said)
    for at, prompt in numbered:
        yield Tried(
            prompt=prompt,
            tries=counts[at]["tries"],
            worked=counts[at]["worked"],
            wanted=samples,
            further=counts[at]["further"],
            again=counts[at]["again"],
            problem=problems.get(at, ""),
            said=first.get(at, ""),
        )


def _made(prompt: Prompt, seed: int, at: int, number: int) -> Attempt:
    return prompt.make(np.random.default_rng([seed, at, number]))


def _came(asker: Asker, attempts: Sequence[Attempt]) -> list[Came]:
    return asker.ask([attempt.row for attempt in attempts])
