"""The caller's side of one running piece of work: its messages, its prints, its time and its memory."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from seatrial.core.codec import CodecError, from_data
from seatrial.core.observation import Finding, Json, Observation, Reason
from seatrial.core.vocabulary import MeasureKind, Weight
from seatrial.engine import frames
from seatrial.engine.codes import reason_of_exit
from seatrial.engine.nursery import NurseryLost
from seatrial.engine.plan import Work

Result = Observation | Reason | Mapping[str, Json]
Why = Literal["timed-out", "out-of-memory", "interrupted"]
Say = Callable[[str, float | None], None]
Redact = Callable[[str], str]
"""Takes the secrets out of a text."""

_KEPT_CHARACTERS = 4_000
_READ_BYTES = 65_536
_LINGER_S = 2.0
"""How long a process may take to end once it has answered."""
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Job:
    """One piece of work while it runs. `result` is set from the moment on when it answered."""

    def __init__(self, number: int, work: Work, seed: int, *, at: datetime, redact: Redact) -> None:
        self.number = number
        self._redact = redact
        self.work = work
        self.seed = seed
        self.at = at
        self.result: Result | None = None
        self.stopped_for: Why | None = None
        self.killed = False
        self._begun = time.monotonic()
        self._deadline = math.inf
        self._pid: int | None = None
        self._reader = frames.Reader()
        self._head = ""
        self._tail = ""
        self._printed = 0
        self.sock, self._theirs = socket.socketpair()
        self.output, self._their_output = os.pipe()
        os.set_blocking(self.output, False)

    def hand_over(self, start: Callable[..., None]) -> None:
        """Have it started, give it its work, and keep only our ends of what connects us."""
        message = {"entry": self.work.entry, "arguments": self.work.arguments, "seed": self.seed}
        try:
            start(
                self.number,
                grace_s=self.work.grace_s,
                sock=self._theirs,
                output=self._their_output,
                alone=self.work.alone,
            )
            frames.send(self.sock, {**message, "grace_s": self.work.grace_s})
        except OSError as error:
            raise NurseryLost("The process that starts the checks died.") from error
        finally:
            self._theirs.close()
            os.close(self._their_output)
        self.sock.setblocking(False)

    def begin(self, pid: int) -> None:
        """Its process runs: from now on its budget counts."""
        self._pid = pid
        self._begun = time.monotonic()
        self._deadline = self._begun + self.work.budget_s

    @property
    def duration_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._begun

    def listen(self, say: Say) -> bool:
        """Take the messages that have arrived, as far as they go without waiting. False when no more can come."""
        while True:
            try:
                data = self.sock.recv(_READ_BYTES)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not data:
                return False
            try:
                messages = self._reader.feed(data)
            except frames.Unframed as error:
                self._answered({"reason": {"code": "not-an-observation", "summary": f"The check sent {error}."}})
                return False
            for message in map(self._cleaned, messages):
                if "doing" in message:
                    say(message["doing"], message["share"])
                else:
                    self._answered(message)

    def _cleaned(self, value: Any) -> Any:
        """The same data without secrets, and without characters that no encoding can hold."""
        if isinstance(value, str):
            return self._redact(value).encode(errors="replace").decode()
        if isinstance(value, dict):
            return {self._cleaned(key): self._cleaned(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._cleaned(item) for item in value]
        return value

    def _answered(self, message: Mapping[str, Any]) -> None:
        """Keep the answer, unless it was asked to end before: what it then says, it did not finish."""
        if self.stopped_for:
            return
        self._deadline = time.monotonic() + _LINGER_S
        try:
            if "observation" in message:
                self.result = with_numbers_checked(from_data(Observation, message["observation"]))
            elif "reason" in message:
                self.result = from_data(Reason, message["reason"])
            elif "data" in message:
                self.result = message["data"]
        except CodecError as error:
            self.result = Reason(
                code="not-an-observation", summary=f"What the check returned has no sound form: {error}."
            )

    def overhear(self) -> bool:
        """Take what it printed, a bounded part at a time; beginning and end are kept. False when no more can come."""
        try:
            data = os.read(self.output, _READ_BYTES)
        except BlockingIOError:
            return True
        text = data.decode(errors="replace")
        self._printed += len(text)
        room = _KEPT_CHARACTERS - len(self._head)
        self._head += text[:room]
        self._tail = (self._tail + text[room:])[-_KEPT_CHARACTERS:]
        return bool(data)

    @property
    def printed(self) -> str:
        """The beginning and the end of what it wrote to standard output and error."""
        left_out = self._printed - len(self._head) - len(self._tail)
        gap = f"\n… {left_out} characters left out …\n" if left_out > 0 else ""
        return str(self._cleaned(self._head + gap + self._tail))

    @property
    def deadline(self) -> float:
        """When, on the monotonic clock, something must be done about it."""
        return self._deadline

    def stop(self, why: Why) -> None:
        """It was asked to end: from now on its grace counts."""
        self.stopped_for = why
        self._deadline = time.monotonic() + self.work.grace_s

    def kill(self) -> None:
        """It was killed, and will be gone soon."""
        self.killed = True
        self._deadline = math.inf

    def resident_bytes(self) -> int:
        """The memory that it and its direct children hold; 0 where the system does not tell."""
        if self._pid is None:
            return 0
        return sum(_resident_bytes(pid) for pid in (self._pid, *_children(self._pid)))

    def abandon(self) -> None:
        """Nobody can report on it any more: kill what is left of it."""
        self.close()
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)

    def close(self) -> None:
        """Close our ends. If it still runs, it notices, restores and ends."""
        if self.sock.fileno() >= 0:
            self.sock.close()
            os.close(self.output)

    def end(self, status: int) -> Result | None:
        """What came of it, now that its process is gone. None when it was interrupted and had time to restore."""
        self.close()
        if self.result is not None:
            return with_printed(self.result, self.printed)
        if self.stopped_for:
            return self._stopped_result(self.stopped_for)
        return with_printed(reason_of_exit(status), self.printed)

    def _stopped_result(self, why: Why) -> Result | None:
        after = (
            "It had to be killed, so that whatever it changed may not have been restored."
            if self.killed
            else "It ended within its grace, so that what it restores on its way out was restored."
        )
        if why == "interrupted":
            if not self.killed:
                return None
            reason = Reason(code=why, summary=f"A person stopped the run. {after}", remedy=_RESTORE)
        elif why == "out-of-memory":
            reason = Reason(
                code=why,
                summary=f"The check used more memory than a check may, and was stopped. {after}",
                remedy="Run it on a machine with more memory, or declare a smaller sample.",
            )
        else:
            reason = Reason(
                code=why,
                summary=f"The check did not end within {self.work.budget_s:g} s and was stopped. {after}",
                remedy=_RESTORE if self.killed else "See what it was waiting for; what it printed is in the record.",
            )
        return with_printed(reason, self.printed)


_RESTORE = "Look at the system before you run again: bring it back by hand where it is not as it was."


def with_printed(result: Result, printed: str) -> Result:
    """The same result with what was printed as detail."""
    if not printed.strip():
        return result
    if isinstance(result, Reason):
        return replace(result, detail={**result.detail, "printed": printed})
    if isinstance(result, Observation):
        return replace(result, facts={**result.facts, "printed": printed})
    return result


def with_numbers_checked(observation: Observation) -> Observation:
    """The same observation; where a measure that decides holds a NaN, an open finding says so and blocks."""
    broken = tuple(
        measure.name
        for measure in observation.measures
        if measure.kind is not MeasureKind.INFORMATIVE
        and any(v is not None and math.isnan(v) for v in (measure.value, measure.lower, measure.upper, measure.limit))
    )
    if not broken:
        return observation
    finding = Finding(
        code="not-a-number",
        summary=f"{', '.join(broken)}: not a number, so that nothing can be judged by it.",
        weight=Weight.OPEN,
        remedy="See whether the data hold labels and predictions from which it can be computed.",
        detail={"measures": list(broken)},
    )
    return replace(observation, findings=(*observation.findings, finding))


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return 0


def _children(pid: int) -> tuple[int, ...]:
    try:
        return tuple(int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    except (OSError, ValueError):
        return ()
