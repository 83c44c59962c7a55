"""Training, evaluation and live data, and the sources that they come from."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seatrial.spec.faults import Faults
from seatrial.spec.procedure import Step
from seatrial.spec.quantities import Duration, Number, Share
from seatrial.spec.section import Section


class Source(Section):
    """A data file (Parquet, CSV, JSON lines) or a database with its query."""

    source: str
    query: str | None = None
    label: str | None = None
    time: str | None = None
    entity: str | None = None

    @property
    def named(self) -> dict[str, str]:
        """The columns that are declared to mean something beside the inputs: key to column."""
        keys = ("label", "time", "entity")
        return {key: getattr(self, key) for key in keys if getattr(self, key)}

    @property
    def columns(self) -> dict[str, str]:
        """Every column that is declared to mean something, inputs among them."""
        return self.named


class Strata(Section):
    """From which parts of the live traffic the evaluation rows were drawn separately, and how large the parts are."""

    column: str
    shares: dict[str, Share] = Field(min_length=2)
    """Value of the column to its share of the live traffic; they add up to 1."""


class Drawn(Section):
    """How rows were drawn for labelling when some were likelier than others, as `seatrial plan-labels` writes it."""

    order: str
    """Column with the place at which the row was drawn, from 1."""
    probability: str
    """Column with the probability with which it was drawn then, among the rows that were left."""
    rows: int = Field(ge=1)
    """How many rows there were to draw from."""
    floor: Number = Field(default=0.1, ge=0.1, le=1.0)
    """The least probability of a row, as a part of what it would be if all rows that are left had the same."""


class Evaluation(Source):
    """The labelled data.

    For a chat `label` is the expected answer, or a list of accepted ones; for an extraction a mapping of the expected
    fields, as JSON text or as a nested column.
    """

    answerable: str | None = None
    """Column that says whether the question can be answered at all (chat); where not, abstaining is right."""
    match: Literal["exact", "contains"] = "exact"
    """When an answer is right (chat): equal to an expected one, or containing one, after normalisation."""
    weight: str | None = None
    """Column that says how many live rows each row stands for. At most one of `weight`, `strata` and `drawn`."""
    strata: Strata | None = None
    drawn: Drawn | None = None
    from_live: bool = False
    """True when the rows are a random sample of live traffic, so that unlabelled live rows can sharpen the bound."""

    @property
    def named(self) -> dict[str, str]:
        """The columns that are declared to mean something beside the inputs: key to column."""
        keys = ("label", "time", "entity", "answerable", "weight")
        found = {key: getattr(self, key) for key in keys if getattr(self, key)}
        if self.drawn is not None:
            found |= {"drawn.order": self.drawn.order, "drawn.probability": self.drawn.probability}
        return found

    @property
    def columns(self) -> dict[str, str]:
        """Every column that is declared to mean something, inputs among them."""
        return self.named | ({"strata.column": self.strata.column} if self.strata else {})


class Freshness(Section):
    """How old an integration's newest record may be: `at` is the record's time field."""

    source: str
    at: str
    at_most: Duration
    may_rest: bool = False
    """True where all values may rightly stay the same for longer than that, such as a price list that is sent anew."""
    per: str | None = None
    """The field that tells the source's parts, such as `machine`: then each of them must be as fresh, every one that
    the model's inputs list must be there, and none may stand still."""


class Interrupted(Section):
    """A source that will be away at times. `alarm` is a step that only looks, and holds while its alarm is up."""

    alarm: Step | None = None
    within: Duration | None = None
    """By when after the source went away its alarm must be up."""


class Interruption(Section):
    """How long sources may be away, and by when after their return everything has been made up for."""

    window: Duration
    """The longest maintenance window of a source."""
    catch_up: Duration
    sources: dict[str, Interrupted] = Field(default_factory=dict)


class ScratchCopy(Section):
    """A copy of what a source holds, in whose schema columns are altered, and how the test lane is led to it and back.

    The source itself is never altered. SQL: `of` and `copy` are tables of the test end's database, `scratch.orders`
    where it is another schema. Files: folders within the test end's. `point` and `back` are steps; they run anew for
    every alteration, `back` before the copy is taken away.
    """

    of: str | None = None
    """What is copied; the test end's `read` where nothing is said."""
    copy_: str = Field(alias="copy", min_length=1)
    """Where the copy goes: nothing else may stand there."""
    point: Step
    back: Step


class ChangingSource(Section):
    """A source whose schema will change one day. `alarm` only looks, and holds while it is up.

    Where no `alarm` is declared, that of `data.interruption` stands in. A source that is asked over HTTP through a
    `via`, and one that pushes its records into a flow over HTTP, a broker or files, needs no `scratch`; a table does.
    """

    alarm: Step | None = None
    within: Duration | None = None
    """By when after the change its alarm must be up."""
    scratch: ScratchCopy | None = None


class SchemaChanges(Section):
    """How `data.schema-change` alters the schema of each source, and who is told."""

    sources: dict[str, ChangingSource] = Field(default_factory=dict)


class Data(Section):
    """Training, evaluation and live data, and how fresh each source must be."""

    training: Source | None = None
    evaluation: Evaluation | None = None
    live: Source | None = None
    freshness: tuple[Freshness, ...] = ()
    interruption: Interruption | None = None
    schema_change: SchemaChanges = SchemaChanges()
    faults: Faults = Faults()
