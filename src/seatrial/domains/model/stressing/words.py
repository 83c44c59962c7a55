"""What changed and what became of it, in words. Texts that could name a person stay out."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from seatrial.core.observation import Json
from seatrial.core.ports import Prediction, Row
from seatrial.core.wording import told_apart
from seatrial.domains.legality import Profile
from seatrial.domains.yardstick import Yardstick
from seatrial.spec.model import InputField
from seatrial.spec.system import System

_MOST = 3
_SHOWN = 24


def change(before: Row, after: Row, inputs: Mapping[str, InputField], profiles: Mapping[str, Profile]) -> str:
    """`distance 512 → 512.1 and carrier 'AA' → 'UA'`."""
    fields = [name for name in after if name not in before or _differs(before[name], after[name])]
    gone = [name for name in before if name not in after]
    parts = [_field(n, before.get(n), after.get(n), inputs.get(n), profiles.get(n)) for n in fields[:_MOST]]
    parts += [f"{name} left out" for name in gone[: _MOST - len(parts)]]
    more = len(fields) + len(gone) - len(parts)
    return " and ".join(parts) + (f" and {more} more fields" if more > 0 else "") or "nothing"


def outcome(system: System, stick: Yardstick, before: Prediction, after: Prediction) -> str:
    """`moves the answer from 0 (0.19, not acted on) to 1 (0.21, acted on)`."""
    if system.model.task in ("chat", "extraction"):
        was, now = answer(system, before), answer(system, after)
        return f"turns {was} into {'another one' if was == now else now}"
    numbers = stick.number(before), stick.number(after)
    shown = told_apart(*numbers) if all(math.isfinite(n) for n in numbers) else ("", "")
    if system.model.task == "regression":
        return f"moves the answer from {shown[0]} to {shown[1]}"
    was, now = (_decision(stick, given, number) for given, number in zip((before, after), shown, strict=True))
    return f"moves the answer from {was} to {now}"


def _decision(stick: Yardstick, given: Prediction, number: str) -> str:
    label = short(given.prediction)
    if not number:
        return label
    if stick.act_at is None or given.score is None:
        return f"{label} ({number})"
    return f"{label} ({number}, {'' if given.score >= stick.act_at else 'not '}acted on)"


def answer(system: System, given: Prediction) -> str:
    """The answer alone."""
    if system.model.task in ("chat", "extraction"):
        return f"a text of {len(str(given.prediction))} characters"
    return short(given.prediction)


def short(value: Json) -> str:
    """A value as it may stand in a record."""
    text = "null" if value is None else f"{value:.8g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _field(name: str, before: Json, after: Json, declared: InputField | None, profile: Profile | None) -> str:
    if isinstance(before, str) and isinstance(after, str) and not (_public(before, declared, profile)):
        return f"{name} with {_edited(before, after)}"
    now = short(after) if not isinstance(after, str) or len(after) <= _SHOWN else f"a text of {len(after)} characters"
    return f"{name} {short(before)} → {now}"


def _public(value: str, declared: InputField | None, profile: Profile | None) -> bool:
    """Whether the text is one of a closed set, declared or seen again and again, or a time."""
    if declared is not None and (declared.values is not None or declared.type == "time"):
        return True
    return profile is not None and value in profile.levels


def _edited(before: str, after: str) -> str:
    if "".join(before.split()) == "".join(after.split()):
        return "other white space"
    if before.casefold() == after.casefold():
        return "other case"
    was, now = re.findall(r"\S+", before), re.findall(r"\S+", after)
    if len(was) == len(now):
        changed = sum(a != b for a, b in zip(was, now, strict=True))
        return f"{changed} of {len(was)} words spelled otherwise"
    return f"{len(now)} words for {len(was)}"


def _differs(a: Json, b: Json) -> bool:
    return type(a) is not type(b) or a != b
