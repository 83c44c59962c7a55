"""The rounds of labelling as the site keeps them: their rows, and what was said of each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from django.db import IntegrityError, transaction

from seatrial.adapters.store.artifacts import ArtifactFolder
from seatrial.app.label_round import Given, second_share
from seatrial.app.labelling import plan_labels
from seatrial.app.workspace import Workspace
from seatrial.core.errors import Malformed, Unreachable
from seatrial.core.observation import Json
from seatrial.web.language import _
from seatrial.web.models import Account, LabelRound, Registered, RowLabel


def draw_round(
    system: Registered,
    workspace: Workspace,
    *,
    by: Account,
    labels: int | None,
    options: Mapping[str, str],
    share: float,
) -> LabelRound:
    """Draw the rows that the plan asks for and begin a round with them. Raises Unreachable, Malformed.

    `options` maps each answer to what it is called; `share` of the rows, as a fraction, is labelled by two people.
    """
    file = "labels.csv"
    plan = plan_labels(workspace, labels=labels, file=file)
    if not plan.chosen:
        raise Malformed(_("no row was drawn"), remedy=_("Give a recent sample of what production sends in data.live."))
    source = workspace.system.data.evaluation
    label = source.label if source and source.label else "label"
    kept = json.dumps([dict(row) for row in plan.chosen]).encode()
    made = LabelRound(
        system=system,
        rows=ArtifactFolder(workspace.folder / "artifacts").put(kept, media_type="application/json"),
        count=len(plan.chosen),
        label=label,
        options=list(options),
        titles=dict(options),
        second=list(second_share(len(plan.chosen), share)),
        by=by,
    )
    with transaction.atomic():
        made.save()
        made.declare = plan.declare.replace(file, made.file, 1)
        made.save(update_fields=["declare"])
    return made


def rows_of(workspace: Workspace, found: LabelRound) -> Sequence[Mapping[str, Json]]:
    """The rows of the round, in the order of the draw. Raises Unreachable where they were erased or altered."""
    content = ArtifactFolder(workspace.folder / "artifacts").get(found.rows)
    if content is None:
        raise Unreachable(_("the rows of this round are not kept any more"), remedy=_("Begin another round."))
    rows: list[Mapping[str, Json]] = json.loads(content)
    return rows


def given_of(found: LabelRound) -> list[Given]:
    """What was said in the round, oldest first."""
    fields = ("row", "rater", "value", "decides")
    return [
        Given(row=r, rater=w, value=v, decides=d)
        for r, w, v, d in RowLabel.objects.filter(round=found).values_list(*fields)
    ]


def say(found: LabelRound, row: int, rater: str, value: str, *, decides: bool = False) -> bool:
    """Keep what somebody says of a row; False where they had said it before, as after a double click."""
    try:
        with transaction.atomic():
            RowLabel.objects.create(round=found, row=row, rater=rater, value=value, decides=decides)
    except IntegrityError:
        return False
    return True


def unsay(found: LabelRound, rater: str) -> int | None:
    """Take back the newest thing that this person said; the row, None where there is none."""
    last = RowLabel.objects.filter(round=found, rater=rater, decides=False).last()
    if last is None:
        return None
    last.delete()
    return int(last.row)
