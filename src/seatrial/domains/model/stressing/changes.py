"""What a relation changes in a row, done: another legal row, or none where the row cannot have the change."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence

from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.domains.model.stressing import texts
from seatrial.spec.model import InputField
from seatrial.spec.stress import Edit

Texter = Callable[[str, random.Random], str | None]


def changed(
    edit: Edit,
    row: Row,
    *,
    inputs: Mapping[str, InputField],
    prose: Sequence[str],
    drawn: random.Random,
    kept: Sequence[str] | None = None,
) -> Row | None:
    """The row with everything that the edit does; None where a part cannot be done, changes nothing or is not legal.

    `prose` are the inputs of free text, for edits that name no fields. `kept` are the values that are read out of
    them, which no typing mistake touches; None where none are read out.
    """
    made: dict[str, Json] = dict(row)
    steps = (_set, _each, _scaled, _swapped)
    if not all(step(edit, made, inputs, drawn) for step in steps):
        return None
    wanted = list(_texters(edit, kept))
    if wanted:
        reached = False
        # One way of writing for the whole row: who types the subject in capitals types the body in capitals, too.
        manner = drawn.getrandbits(64)
        for field in edit.fields or prose:
            hand = random.Random(manner)  # noqa: S311 - which change, not a secret
            for texter in wanted:
                value = made.get(field)
                new = texter(value, hand) if isinstance(value, str) else None
                if new is not None:
                    made[field], reached = new, True
        if not reached:
            return None
    if all(_same(made.get(name), row.get(name)) for name in {*made, *row}):
        return None
    return made if all(legal(made[n], inputs[n]) for n in made if n in inputs and made[n] is not row.get(n)) else None


def legal(value: Json, declared: InputField) -> bool:
    """Whether the declaration allows the value, as far as it says."""
    if value is None:
        return declared.nullable
    if declared.values is not None:
        return value in declared.values
    if isinstance(value, int | float) and not isinstance(value, bool):
        low = -float("inf") if declared.minimum is None else declared.minimum
        high = float("inf") if declared.maximum is None else declared.maximum
        return low <= value <= high
    return True


def _set(edit: Edit, made: dict[str, Json], _: Mapping[str, InputField], __: random.Random) -> bool:
    made.update(edit.set_)
    return True


def _each(edit: Edit, made: dict[str, Json], _: Mapping[str, InputField], drawn: random.Random) -> bool:
    for field, values in edit.each.items():
        others = [v for v in values if v != made.get(field)]
        if not others:
            return False
        made[field] = drawn.choice(others)
    return True


def _scaled(edit: Edit, made: dict[str, Json], inputs: Mapping[str, InputField], _: random.Random) -> bool:
    for field in dict.fromkeys((*edit.multiply, *edit.add)):
        value = made.get(field)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        new = value * edit.multiply.get(field, 1.0) + edit.add.get(field, 0.0)
        declared = inputs.get(field)
        made[field] = round(new) if declared is not None and declared.type == "integer" else round(new, 9)
    return True


def _swapped(edit: Edit, made: dict[str, Json], _: Mapping[str, InputField], __: random.Random) -> bool:
    if edit.swap:
        first, second = edit.swap
        if first not in made or second not in made or made[first] == made[second]:
            return False
        made[first], made[second] = made[second], made[first]
    return True


def _texters(edit: Edit, kept: Sequence[str] | None) -> Iterator[Texter]:
    for name in edit.text:
        yield texts.CHANGES[name] if kept is None or name != "typo" else texts.typo_beside(kept)
    if edit.paraphrases:
        yield lambda text, drawn: texts.reworded(text, edit.paraphrases, drawn)
    if edit.shuffle is not None:
        between = edit.shuffle
        yield lambda text, drawn: texts.shuffled(text, between, drawn)
    if edit.before is not None or edit.after is not None:
        yield lambda text, _: f"{edit.before or ''}{text}{edit.after or ''}"


def _same(a: Json, b: Json) -> bool:
    return type(a) is type(b) and a == b
