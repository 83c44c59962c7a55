"""Does every integration keep its contract: its JSON Schema held against records that were really exchanged.

Inbound records are read where they come from, without those that our own tests put in there. Outbound ones are read
where they arrive, and a test record is written and observed where the test end is writable. Where a source is a whole
table or folder that no flow passes through, such as master data, all of it is held against the contract, and its share
is known without a bound. A contract that lets an obviously wrong record pass would be kept by anything, so each field
that it requires or that feeds the model is broken in a real record, which must then be refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from seatrial.core.check import Check, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.ports import Row
from seatrial.core.vocabulary import Sense, Weight
from seatrial.core.wording import count
from seatrial.domains.integration.contract_schema import Breach, ContractSchema
from seatrial.domains.integration.description import CODES as DESCRIPTION_CODES
from seatrial.domains.integration.description import breaches
from seatrial.domains.integration.exchanged import Exchange, exchanged
from seatrial.domains.load.ceilings import share_at_most
from seatrial.domains.sending import inputs_of
from seatrial.spec.integration import IntegrationSection
from seatrial.spec.model import InputField
from seatrial.spec.system import System
from seatrial.stats import proportions

_ID = "integration.contracts"
_SHOWN = 6
_HEARD = frozenset({"mqtt", "amqp", "opcua", "webhook"})
"""Kinds that keep no records: what is read is heard meanwhile."""
_WHY = "Both sides believe in the contract until a record arrives that breaks it."
_CODES = {
    "no-integrations": "No integration is declared, although something must feed the model.",
    "no-contract": "An integration has no contract.",
    "contract-unreadable": "A contract cannot be read as JSON Schema.",
    "contract-matches-anything": "A contract accepts a record with nothing in it.",
    "contract-too-weak": "A contract accepts a record with a broken field that it requires or that feeds the model.",
    "field-not-in-contract": "A field that feeds the model arrives in the records and is not in the contract.",
    "feed-not-in-records": "A field that should feed the model is in none of the records, perhaps under another name.",
    "contract-broken": "Real records break the contract.",
    "relation-not-told": "No record says whether a relation of a contract holds.",
    "unreachable": "Records could not be read from the integration.",
    "no-records": "There are no exchanged records to hold against the contract.",
    "not-read": "An integration declares no way to read or observe what was exchanged.",
    "test-record-not-seen": "A test record was written and taken, and never observed.",
    "key-repeated": "The key of a flow occurs more than once among the records.",
    **DESCRIPTION_CODES,
    "time-without-zone": "Times are exchanged without their zone.",
}


def _run(system: System, trial: Trial) -> Observation | Reason:
    if not system.integrations:
        finding = Finding(
            code="no-integrations",
            summary="No integration is declared.",
            fields=("integrations",),
            why="What nobody declared, nobody tests.",
            remedy="Declare what feeds the model and what it feeds, each with its contract.",
        )
        return Observation(done="Looked for integrations.", findings=(finding,))
    inputs = inputs_of(system, trial)
    measures: list[Measure] = []
    findings: list[Finding] = []
    checked: dict[str, Json] = {}
    for number, (name, section) in enumerate(system.integrations.items()):
        trial.say(f"the records of {name}", number / len(system.integrations))
        measure, found, records = _of(system, trial, name, section, inputs)
        measures += [measure] if measure else []
        findings += found
        checked[name] = records
    total = sum(n for n in checked.values() if isinstance(n, int))
    return Observation(
        done=f"Held {total:,} really exchanged records of {count(len(system.integrations), 'integration')} against "
        "their contracts, and broke single fields of real records to see that each contract refuses them.",
        measures=tuple(measures),
        findings=tuple(findings),
        proof=0,
        facts={"records": checked},
    )


def _of(
    system: System, trial: Trial, name: str, section: IntegrationSection, inputs: Mapping[str, InputField]
) -> tuple[Measure | None, list[Finding], int]:
    place = f"integrations.{name}"
    if section.contract is None:
        return None, [_no_contract(name)], 0
    try:
        schema = ContractSchema(trial.files.read(section.contract), name=section.contract)
    except SeatrialError as error:
        unreadable = Finding(
            code="contract-unreadable",
            summary=f"The contract of {name} cannot be used: {error.what}",
            fields=(f"{place}.contract",),
            why=_WHY,
            remedy=error.remedy,
        )
        return None, [unreadable], 0
    exchange = exchanged(system, trial, name, section)
    findings = [*_absent(name, section, exchange)]
    if not exchange.records:
        return _measure(system, name, 0, 0), findings, 0
    broken = {at: list(schema.breaches(row)) for at, row in enumerate(exchange.records)}
    bad = sum(bool(b) for b in broken.values())
    measure = _measure(system, name, bad, len(exchange.records), whole=exchange.whole)
    if bad:
        findings.append(_broken(system, name, [b for found in broken.values() for b in found], bad, len(broken)))
    sound = next((exchange.records[at] for at, found in broken.items() if not found), None)
    if sound is not None:
        findings += _weak(name, section, schema, sound, inputs)
    findings += _untold(name, schema, exchange.records)
    findings += breaches(name, trial.integration(name), exchange.records, exchange.written)
    findings += _absent_feeds(name, section, exchange.records, inputs)
    findings += _semantics(system, name, section, exchange.records, inputs)
    return measure, findings, len(exchange.records)


def _no_contract(name: str) -> Finding:
    return Finding(
        code="no-contract",
        summary=f"{name} has no contract.",
        fields=(f"integrations.{name}.contract",),
        why=_WHY,
        remedy=f"Write the JSON Schema of one record of {name}, agree on it with its owner, and declare it.",
    )


def _absent(name: str, section: IntegrationSection, exchange: Exchange) -> Iterator[Finding]:
    if exchange.problem:
        told = "not-read" if "nothing tells" in exchange.problem else "unreachable"
        yield Finding(
            code=told,
            summary=f"{name}: {exchange.problem}",
            weight=Weight.OPEN,
            fields=(f"integrations.{name}",),
            remedy=exchange.remedy,
        )
    elif not exchange.records:
        yield Finding(
            code="no-records",
            summary=f"{name} shows no record that was really exchanged.",
            weight=Weight.OPEN,
            fields=(f"integrations.{name}",),
            remedy=_let_pass(name, section),
        )
    if exchange.unseen:
        yield Finding(
            code="test-record-not-seen",
            summary=f"{name} took a test record and never showed it.",
            fields=(f"integrations.{name}.test.observe",),
            why="What is taken and not kept is lost.",
            remedy=f"Find out what {name} did with it; see also integration.combined-load.",
        )


def _let_pass(name: str, section: IntegrationSection) -> str:
    if section.kind not in _HEARD:
        return f"Let records pass through {name}, then run the check."
    which = "test" if section.test is not None else "production"
    heard = (
        f"{name} keeps nothing: give integrations.{name}.{which}.listen_for the time in which it sends some hundred "
    )
    heard += "records, and let the test lane send them while the check runs"
    if section.kind != "webhook":
        return f"{heard}."
    return f"{heard}; or declare in its place where the receiver keeps what was posted (http, sql, files)."


def _name(name: str) -> str:
    return f"share of records that break the contract of {name}"


def _measure(system: System, name: str, bad: int, n: int, *, whole: bool = False) -> Measure:
    alpha, limit = 1.0 - system.policy.confidence, system.policy.contract_violations
    if whole:
        share = bad / n
        return Measure(
            name=_name(name),
            value=share,
            lower=share,
            upper=share,
            limit=limit,
            sense=Sense.AT_MOST,
            unit="share",
            n=n,
            method="all records that are there",
            confidence=system.policy.confidence,
        )
    unit = f"records of {name}{_heard_longer(system.integrations[name], name)}"
    found = share_at_most(system, _name(name), (bad, n), limit, unit)
    return found if n else replace(found, needed=proportions.clean_trials(1 - limit, alpha) or None)


def _heard_longer(section: IntegrationSection, name: str) -> str:
    """How more records come together where none are kept."""
    which = "test" if section.test is not None else "production"
    return f", with a longer listen_for at integrations.{name}.{which}" if section.kind in _HEARD else ""


def _broken(system: System, name: str, breaches: Sequence[Breach], bad: int, n: int) -> Finding:
    counted = Counter((b.field, b.why) for b in breaches)
    worst = counted.most_common(_SHOWN)
    told = "; ".join(f"{field}: {why} ({count}×)" for (field, why), count in worst)
    return Finding(
        code="contract-broken",
        summary=f"{bad} of {n} records of {name} break its contract. {told}.",
        weight=Weight.GAP if bad / n > system.policy.contract_violations else Weight.NOTE,
        fields=tuple(dict.fromkeys(field for (field, _), _ in worst)),
        explains=(_name(name),),
        why=_WHY,
        remedy=f"Mend the side of {name} that breaks it, or agree on another contract.",
        detail={"violations": {f"{field}: {why}": count for (field, why), count in worst}},
    )


def _untold(name: str, schema: ContractSchema, records: Sequence[Row]) -> Iterator[Finding]:
    for relation in schema.untold(records):
        yield Finding(
            code="relation-not-told",
            summary=f"None of {count(len(records), 'record')} of {name} says whether {relation.text} holds.",
            weight=Weight.OPEN,
            fields=relation.fields,
            why="What cannot be compared is kept by every record.",
            remedy=f"See that the records of {name} have {', '.join(relation.fields)}, numbers as numbers, or correct "
            "the relation.",
        )


def _weak(
    name: str, section: IntegrationSection, schema: ContractSchema, sound: Row, inputs: Mapping[str, InputField]
) -> Iterator[Finding]:
    if schema.allows({}):
        yield Finding(
            code="contract-matches-anything",
            summary=f"The contract of {name} accepts a record with nothing in it.",
            fields=(f"integrations.{name}.contract",),
            why="A contract that everything keeps protects from nothing.",
            remedy=f"List in `required` what every record of {name} has, each with its type and range.",
        )
    fields = [f for f in dict.fromkeys((*schema.required, *section.feeds)) if f in sound]
    passed = {field: how for field in fields if (how := _passes(schema, sound, field, inputs.get(field)))}
    weak = [f for f in passed if f in schema.named or f not in section.feeds]
    foreign = [f for f in passed if f not in weak]
    if weak:
        yield Finding(
            code="contract-too-weak",
            summary=f"The contract of {name} accepts broken records: "
            + "; ".join(f"{f} {passed[f]}" for f in weak[:_SHOWN])
            + ".",
            fields=tuple(weak),
            why="A contract that everything keeps protects from nothing.",
            remedy=f"Give {', '.join(weak[:_SHOWN])} a type there, and list in `required` what must be there.",
        )
    if foreign:
        yield Finding(
            code="field-not-in-contract",
            summary=f"{', '.join(foreign[:_SHOWN])} of {name} feeds the model and is not in the contract.",
            fields=tuple(foreign),
            why="Its owner may change it without breaking a promise.",
            remedy="Add the fields to the contract, with type, unit and range.",
        )


def _passes(schema: ContractSchema, sound: Row, field: str, declared: InputField | None) -> str:
    """How a record with this field broken still keeps the contract; empty where it is refused."""
    wrong: Json = 12_345 if isinstance(sound[field], Mapping) else {"seatrial": ["wrong"]}
    if schema.allows({**sound, field: wrong}):
        return "of another type"
    optional = declared is not None and declared.nullable
    if not optional and schema.allows({k: v for k, v in sound.items() if k != field}):
        return "left out"
    return ""


def _absent_feeds(
    name: str, section: IntegrationSection, records: Sequence[Row], inputs: Mapping[str, InputField]
) -> Iterator[Finding]:
    if section.direction == "out":
        return
    seen = {field for row in records for field in row}
    absent = [f for f in section.feeds if f not in seen and not (f in inputs and inputs[f].nullable)]
    if absent:
        yield Finding(
            code="feed-not-in-records",
            summary=f"{', '.join(absent[:_SHOWN])} is in none of the records of {name}.",
            # Where none is there the pipeline renames them; where some are, the rest is missing.
            weight=Weight.NOTE if len(absent) == len(section.feeds) else Weight.OPEN,
            fields=tuple(absent),
            remedy=f"Correct integrations.{name}.feeds, or find out where these inputs really come from. One that is "
            f"computed on the way from other fields of {name}, such as an hour from a time, is named by fed_by at "
            "model.inputs alone.",
        )


def _semantics(
    system: System,
    name: str,
    section: IntegrationSection,
    records: Sequence[Row],
    inputs: Mapping[str, InputField],
) -> Iterator[Finding]:
    for key in dict.fromkeys(f.key for f in system.flows if name in (f.from_, f.to)):
        counted = Counter(str(row[key]) for row in records if key in row)
        repeated = sum(count > 1 for count in counted.values())
        if repeated:
            yield Finding(
                code="key-repeated",
                summary=f"{repeated} of {len(counted)} values of {key} occur more than once in the records of {name}.",
                weight=Weight.NOTE,
                fields=(key,),
                remedy="If a record is sent once, find out why it is there twice.",
            )
    clocks = {f.at for f in system.data.freshness if f.source == name}
    times = clocks | {f for f in section.feeds if f in inputs and inputs[f].type == "time"}
    naive = Counter(field for row in records for field, value in row.items() if _naive(value))
    for field, number in naive.items():
        yield Finding(
            code="time-without-zone",
            summary=f"{number} of {len(records)} records of {name} tell {field} without a time zone.",
            weight=Weight.GAP if field in times else Weight.NOTE,
            fields=(field,),
            why="Twice a year, and on every move to another region, such times are wrong by hours.",
            remedy=f"Send {field} with its zone, and demand it in the contract (format: date-time).",
        )


def _naive(value: Json) -> bool:
    if not isinstance(value, str) or len(value) < len("2027-01-11T10:00") or not value[:4].isdigit():
        return False
    try:
        return datetime.fromisoformat(value).tzinfo is None
    except ValueError:
        return False


def _limits(system: System) -> Sequence[Threshold]:
    return [
        Threshold(
            requirement=_ID,
            measure=_name(name),
            sense=Sense.AT_MOST,
            limit=system.policy.contract_violations,
            unit="share",
            confidence=system.policy.confidence,
        )
        for name, section in system.integrations.items()
        if section.contract is not None
    ]


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=3,
    title="Contracts on real records",
    run=_run,
    codes=_CODES,
    limits=_limits,
    before_traffic=True,
    budget_s=lambda system: 60.0 + 60.0 * len(system.integrations),
)
