"""The labelling room over the API: rounds, the rows that are wanted of whoever asks, their labels, and the file.

Who labels is told neither what the model says of a row nor what others said of it.
"""

from __future__ import annotations

from django.db import transaction
from django.urls import reverse

from seatrial.app.labels.label_answers import CANNOT_TELL, numbers_of, options_problem, read_scale
from seatrial.app.labels.label_round import Agreement, agreement, counted, hidden_columns, next_row, open_rows, settled
from seatrial.core.codec import to_data
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Json
from seatrial.measure.columns import plain_text
from seatrial.web.access import SiteAction, Visitor, allowed, put_down
from seatrial.web.api.problem import Problem
from seatrial.web.api.route import Inside, Listed, Reply
from seatrial.web.labelling import Wish, draw_round, given_of, rows_of, say, unsay, write
from seatrial.web.models import LabelRound

_WRONG = "what was sent cannot be taken"
_MOST_TOLD = 200


def rounds(call: Inside) -> Listed:
    """The rounds, the latest first."""
    found = LabelRound.objects.filter(system=call.system)
    return Listed(total=found.count(), some=lambda first, end: [_round(call, each) for each in found[first:end]])


def one(call: Inside, number: int) -> Reply:
    """One round: how far it is, how far two people agree, and which rows are to be decided."""
    return Reply(content=_round(call, _found(call, number)))


def drawn(call: Inside) -> Reply:
    """Draw the rows that the plan asks for, and begin a round with them."""
    given = call.given
    options = {each["value"]: each.get("title") or each["value"] for each in given.get("options", [])}
    scale, errors = None, {}
    if numbers_of(call.workspace.system):
        told = {key: str(value) for key, value in given.get("scale", {}).items()}
        scale, wrong = read_scale({"unit": "", "low": "", "high": "", "tolerance": ""} | told)
        errors = {f"/scale/{key}": said for key, said in wrong.items()}
    elif problem := options_problem([each["value"] for each in given.get("options", [])]):
        errors = {"/options": problem}
    if errors or call.account is None:
        raise Problem(422, _WRONG, errors=errors)
    wish = Wish(
        rows=given.get("rows"),
        share=float(given["share"]),
        options=options if scale is None else {},
        scale=scale,
    )
    made = draw_round(call.system, call.workspace, by=call.account, wish=wish)
    put_down(call.who, SiteAction.PREPARE_LABELS, about=f"round {made.pk}: {made.count} rows")
    return Reply(
        content=_round(call, made), status=201, location=reverse("api-label-round", args=(call.system.slug, made.pk))
    )


def rows(call: Inside, number: int) -> Listed:
    """The rows of a round with the labels of whoever asks, for those who label elsewhere."""
    found = _found(call, number)
    mine = {each.row: each.value for each in given_of(found) if each.rater == _rater(call) and not each.decides}
    shown = _shown(call, found)
    return Listed(
        total=found.count,
        some=lambda first, end: [
            _row(place, values, mine.get(place)) for place, values in enumerate(shown[first:end], start=first)
        ],
    )


def wanted(call: Inside, number: int) -> Reply:
    """The row that is wanted next of whoever asks; null where none is left for them."""
    found = _found(call, number)
    place = next_row(found.count, found.second, given_of(found), _rater(call))
    return Reply(content={"row": None if place is None else _row(place, _shown(call, found)[place], None)})


def labelled(call: Inside, number: int) -> Reply:
    """Labels of whoever asks, all of them or none; what they had said of a row before stays."""
    found = _found(call, number)
    errors: dict[str, str] = {}
    labels: dict[int, str] = {}
    for at, each in enumerate(call.given["labels"]):
        place, value = each["row"] - 1, _said(each["value"])
        if not 0 <= place < found.count:
            errors[f"/labels/{at}/row"] = f"They go from 1 to {found.count}."
        elif place in labels:
            errors[f"/labels/{at}/row"] = "It stands here a second time."
        elif value != CANNOT_TELL and (wrong := found.takes.problem(value)):
            errors[f"/labels/{at}/value"] = wrong
        else:
            labels[place] = value if value == CANNOT_TELL else found.takes.plain(value)
    if errors:
        raise Problem(422, _WRONG, errors=dict(list(errors.items())[:_MOST_TOLD]))
    with transaction.atomic():
        new = sum(say(found, place, _rater(call), value) for place, value in labels.items())
    put_down(call.who, SiteAction.LABEL, about=f"round {number}: {new} labels over the API")
    return Reply(content={"new": new, "known": len(labels) - new}, status=201)


def taken_back(call: Inside, number: int) -> Reply:
    """Take back the newest label of whoever asks."""
    found = _found(call, number)
    place = unsay(found, _rater(call))
    if place is None:
        raise Problem(404, "there is nothing of yours to take back")
    put_down(call.who, SiteAction.LABEL, about=f"round {number}: took back row {place + 1}")
    return Reply(content={"row": place + 1})


def decided(call: Inside, number: int) -> Reply:
    """Settle a row on which two differ, or of which somebody could not tell."""
    found = _found(call, number)
    place, value = call.given["row"] - 1, _said(call.given["value"])
    if place not in open_rows(found.second, given_of(found), found.takes):
        raise Problem(409, "there is nothing to decide about this row any more")
    if wrong := found.takes.problem(value):
        raise Problem(422, _WRONG, errors={"/value": wrong})
    if say(found, place, _rater(call), found.takes.plain(value), decides=True):
        put_down(call.who, SiteAction.PREPARE_LABELS, about=f"round {number}: decided row {place + 1}")
    return Reply(content=_round(call, found), status=201)


def written(call: Inside, number: int) -> Reply:
    """Write the label file into the system's folder."""
    found = _found(call, number)
    try:
        evidence, named = write(call.workspace, found, person=_rater(call))
    except SeatrialError as error:
        raise Problem(409, error.what, remedy=error.remedy) from None
    put_down(call.who, SiteAction.PREPARE_LABELS, about=f"round {number}: wrote the file", record=evidence.digest)
    told: Json = {"file": found.file, "declared": named, "declare": found.declare, "record": evidence.digest}
    return Reply(content=told, status=201)


def _found(call: Inside, number: int) -> LabelRound:
    found = LabelRound.objects.filter(system=call.system, pk=number).first()
    if found is None:
        raise Problem(404, f"there is no round {number} of this system")
    return found


def _rater(call: Inside) -> str:
    who = call.who
    return str((who.person or who.user) if isinstance(who, Visitor) else "")


def _said(value: str | float | None) -> str:
    return CANNOT_TELL if value is None else value.strip() if isinstance(value, str) else plain_text(float(value))


def _shown(call: Inside, found: LabelRound) -> list[dict[str, Json]]:
    """The rows without what would sway whoever labels."""
    hidden = hidden_columns(call.workspace.system, found.label)
    return [{k: v for k, v in row.items() if k not in hidden} for row in rows_of(call.workspace, found)]


def _row(place: int, values: dict[str, Json], mine: str | None) -> Json:
    return {
        "row": place + 1,
        "values": values,
        "labelled": mine is not None,
        "mine": None if mine in (None, CANNOT_TELL) else mine,
    }


def _round(call: Inside, found: LabelRound) -> Json:
    given = given_of(found)
    standing = settled(given, found.takes)
    labels = allowed(call.who, SiteAction.LABEL).allowed
    left = labels and next_row(found.count, found.second, given, _rater(call)) is not None
    # Whoever still labels sees nothing of what others said, and a program could tell them.
    openly = isinstance(call.who, Visitor) and allowed(call.who, SiteAction.SEE).allowed and not left
    undecided = open_rows(found.second, given, found.takes)
    return {
        "id": found.pk,
        "begun_at": to_data(found.made_at),
        "label": found.label,
        "options": [{"value": value, "title": found.titles.get(value, value)} for value in found.options],
        "scale": found.scale,
        "rows": found.count,
        "by_two": len(found.second),
        "labelled": len({each.row for each in given}),
        "standing": len(standing),
        "counted": counted(found.count, standing),
        "left_for_you": left,
        "agreement": _agreed(agreement(found.second, given, found.takes)),
        "to_decide": [
            {"row": place + 1, "said": [{"by": g.rater, "value": g.value or None} for g in given if g.row == place]}
            for place in undecided
        ]
        if openly
        else None,
        "file": found.file if found.written_at is not None else None,
    }


def _agreed(found: Agreement) -> Json:
    return {
        "rows": found.rows,
        "agreed": found.agreed,
        "kappa": None if found.kappa is None else [found.kappa.lower, found.kappa.value, found.kappa.upper],
        "within": None if found.within is None else [found.within.lower, found.within.value, found.within.upper],
        "apart": found.apart,
    }
