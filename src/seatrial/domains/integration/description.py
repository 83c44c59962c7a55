"""Whether exchanged records keep what the source itself publishes of them, beside the contract that was agreed on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Json
from seatrial.core.ports import DescribedIntegration, Integration, Row
from seatrial.core.vocabulary import Weight
from seatrial.domains.integration.contract_schema import ContractSchema

_SHOWN = 6
CODES = {
    "description-unreadable": "The description that a source publishes of its records cannot be used.",
    "description-broken": "Records break the description that their source publishes of them.",
}


def breaches(name: str, integration: Integration, records: Sequence[Row], written: Sequence[Row]) -> Iterator[Finding]:
    """Findings on records that were read, and on test records that were written; none where nothing is published."""
    if not isinstance(integration, DescribedIntegration):
        return
    try:
        told = integration.description()
        if told is None:
            return
        for what, schema, rows in (("answers", told.answered, records), ("requests", told.asked, written)):
            if schema is not None and rows:
                compiled = ContractSchema(json.dumps(schema).encode(), name=told.name)
                yield from _broken(name, what, told.name, compiled, rows)
    except SeatrialError as error:
        yield Finding(
            code="description-unreadable",
            summary=f"What {name} publishes of its records cannot be used: {error.what}",
            weight=Weight.OPEN,
            fields=(f"integrations.{name}",),
            why="What cannot be read promises nothing.",
            remedy=error.remedy,
        )


def _broken(name: str, what: str, document: str, schema: ContractSchema, rows: Sequence[Row]) -> Iterator[Finding]:
    found = [list(schema.breaches(row)) for row in rows]
    counted = Counter((each.field, each.why) for row in found for each in row)
    if not counted:
        return
    worst = counted.most_common(_SHOWN)
    bad = sum(bool(row) for row in found)
    told = "; ".join(f"{field}: {why} ({count}×)" for (field, why), count in worst)
    detail: dict[str, Json] = {f"{field}: {why}": count for (field, why), count in worst}
    yield Finding(
        code="description-broken",
        summary=f"{bad} of {len(rows)} {what} of {name} break what {document} says of them. {told}.",
        fields=tuple(dict.fromkeys(field for (field, _), _ in worst)),
        why="Whoever builds on the published description builds on something that is not so.",
        remedy=f"Have the server of {name} or its description mended, so that both say the same.",
        detail={"violations": detail},
    )
