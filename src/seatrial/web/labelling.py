"""The rounds of labelling as the site keeps them: their rows, and what was said of each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from seatrial.adapters.store.artifacts import ArtifactFolder
from seatrial.app.folder.workspace import Workspace
from seatrial.app.labels.label_answers import Scale
from seatrial.app.labels.label_round import Given, Labelled, second_share, write_round
from seatrial.app.labels.labelling import plan_labels
from seatrial.core.errors import Malformed, Unreachable
from seatrial.core.observation import Json
from seatrial.core.record import Evidence
from seatrial.web.language import _
from seatrial.web.models import Account, LabelRound, Registered, RowLabel

MOST_ROWS: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A round that somebody wants: so many rows (None: as many as the plan asks for), and what may be said of each."""

    rows: int | None
    share: float
    options: Mapping[str, str] = field(default_factory=dict)
    scale: Scale | None = None


def draw_round(
    system: Registered,
    workspace: Workspace,
    *,
    by: Account,
    wish: Wish,
) -> LabelRound:
    """Draw the rows that the plan asks for and begin a round with them. Raises Unreachable, Malformed.

    `options` of the wish maps each answer to what it is called, none where numbers on a `scale` are asked for; `share`
    of the rows, as a fraction, is labelled by two people.
    """
    file = "labels.csv"
    plan = plan_labels(workspace, labels=wish.rows, file=file)
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
        options=list(wish.options),
        titles=dict(wish.options),
        scale=None if wish.scale is None else asdict(wish.scale),
        second=list(second_share(len(plan.chosen), wish.share)),
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


def write(workspace: Workspace, found: LabelRound, *, person: str) -> tuple[Evidence, bool]:
    """Write the label file of the round; the record, and whether the system file names it. Raises SeatrialError."""
    done = Labelled(
        rows=rows_of(workspace, found),
        label=found.label,
        second=found.second,
        given=given_of(found),
        answers=found.takes,
    )
    written = write_round(workspace, done, person=person, file=found.file, declare=found.declare)
    LabelRound.objects.filter(pk=found.pk).update(written_at=timezone.now())
    return written
