"""Rows that people label."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from seatrial.app.labels.label_answers import Answers, Scale
from seatrial.web.models.accounts import Account
from seatrial.web.models.systems import Registered


class LabelRound(models.Model):
    """Rows that are labelled by people. The rows themselves are an erasable artifact of the system.

    `options` are the answers as they stand in the data, `titles` what they are called where that says more. Where
    `scale` is given there are none: numbers of its unit, from its low to its high, within its tolerance the same.
    """

    system = models.ForeignKey(Registered, models.CASCADE, related_name="label_rounds")
    rows = models.CharField(max_length=64)
    count = models.PositiveIntegerField()
    label = models.CharField(max_length=200)
    options = models.JSONField()
    titles = models.JSONField(default=dict)
    scale = models.JSONField(null=True)
    second = models.JSONField()
    declare = models.TextField()
    by = models.ForeignKey(Account, models.SET_NULL, null=True)
    made_at = models.DateTimeField(auto_now_add=True)
    written_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "site_label_round"
        ordering: ClassVar[list[str]] = ["-made_at", "-id"]

    @property
    def takes(self) -> Answers:
        """What may be said of each row."""
        scale = None if self.scale is None else Scale(**self.scale)
        return Answers(options=tuple(self.options), scale=scale)

    @property
    def answers(self) -> list[tuple[str, str, str]]:
        """Each answer to choose from: value, what it is called, and its key, the value itself where all are digits."""
        digits = all(len(value) == 1 and value.isdecimal() for value in self.options)
        return [
            (value, self.titles.get(value, value), value if digits else str(place))
            for place, value in enumerate(self.options, start=1)
        ]

    @property
    def file(self) -> str:
        """The label file that becomes of it, in the system's folder."""
        return f"labels-{self.pk}.csv"


class RowLabel(models.Model):
    """What one person said of one row, or with `decides` what settles a row on which two differ; empty: cannot tell."""

    round = models.ForeignKey(LabelRound, models.CASCADE, related_name="labels")
    row = models.PositiveIntegerField()
    rater = models.CharField(max_length=100)
    value = models.CharField(max_length=100, blank=True)
    decides = models.BooleanField(default=False)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "site_row_label"
        ordering: ClassVar[list[str]] = ["at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["round", "row", "rater", "decides"], name="one_label_for_a_rater"),
        ]
