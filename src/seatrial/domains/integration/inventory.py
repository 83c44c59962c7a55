"""Is everything declared that feeds it, and everything that it feeds: what is declared against what can be seen.

Both ways: what is declared and was never seen, and what was seen and is not declared, is a gap that names it. That the
inventory is complete is also what a named person answers for, who is asked anew whenever it changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from seatrial.core.check import Check, Trial
from seatrial.core.observation import Figure, Finding, Json, Observation, Reason
from seatrial.core.vocabulary import Role, Weight
from seatrial.core.wording import count
from seatrial.domains.acceptance import Post, acceptance, gone
from seatrial.domains.flows.driving import patience_s
from seatrial.domains.integration.access_logs import NAMELESS
from seatrial.domains.integration.inventory_declared import CODES as DECLARED_CODES
from seatrial.domains.integration.inventory_declared import incomplete
from seatrial.domains.integration.inventory_logs import CODES as LOG_CODES
from seatrial.domains.integration.inventory_logs import unshown
from seatrial.domains.integration.inventory_seen import Seen, addresses, look, plain
from seatrial.domains.sending import inputs_of
from seatrial.spec.inventory import declares
from seatrial.spec.system import System
from seatrial.spec.users import User, load_users

_ID = "integration.inventory"
_MOST_SHOWN = 20
_POST = Post(duty="inventory", part="inventory", field="inventory.who", what="answers for the inventory")
_UNTOLD = "What nobody declared, nobody tests, and nobody is told when it changes."
_CODES = {
    **DECLARED_CODES,
    **LOG_CODES,
    "no-integrations": "No integration is declared, although something must feed the model.",
    "never-seen": "An integration is declared, and nothing shows that the system uses it.",
    "caller-not-declared": "Somebody calls the system or an integration who is neither a listed user nor declared.",
    "caller-never-seen": "A caller is declared, and none of the logs shows them.",
    "group-never-seen": "Nobody of a workflow's group of users was seen to use the outputs.",
    "connection-not-declared": "The system connects to an address that is no integration and not declared.",
    "address-never-seen": "An address is declared that the system connects to, and no log shows that it does.",
    "nobody-answers": "Nobody is named who answers for the completeness of the inventory.",
    "answers-and-signs": "Who answers for the inventory also signs for IT, who reviews it.",
    "left": "The named person has left.",
    "not-accepted": "The named person does not answer for the inventory as it is now.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """What was compared with what."""

    users: tuple[User, ...]
    seen: Seen


def _run(system: System, trial: Trial) -> Observation | Reason:
    if not system.integrations:
        finding = Finding(
            code="no-integrations",
            summary="No integration is declared.",
            fields=("integrations",),
            why=_UNTOLD,
            remedy="Declare what feeds the model and what it feeds.",
        )
        return Observation(done="Looked for integrations.", findings=(finding,))
    path = system.training.users
    users = load_users(trial.files.read(path), name=path) if path is not None else ()
    inputs = inputs_of(system, trial)
    looked = _Looked(users=users, seen=look(system, trial))
    findings = (
        *incomplete(system, inputs, users),
        *_never_seen(system, looked.seen),
        *_callers(system, looked),
        *_groups(system, looked),
        *_reached(system, looked.seen),
        *unshown(system, looked.seen),
        *_answered_for(system, trial),
    )
    seen = looked.seen
    return Observation(
        done=f"Held {count(len(inputs), 'input')}, {count(len(system.integrations), 'integration')}, "
        f"{count(len(system.workflows), 'workflow')} and {count(len(users), 'user')} against one another, and against "
        f"what was seen: a record through every flow, the lines, the clients of the servers, and "
        f"{count(len(system.inventory.logs), 'log')}.",
        findings=findings,
        figures=(_figure(system, seen),),
        proof=0 if any(f.weight is not Weight.NOTE for f in findings) else len(inputs) + len(system.integrations),
        facts=_facts(system, looked),
    )


def _never_seen(system: System, seen: Seen) -> Iterator[Finding]:
    for name in system.integrations:
        if name in seen.uses:
            continue
        tried = list(dict.fromkeys(seen.unseen.get(name, ())))
        yield Finding(
            code="never-seen",
            summary=f"{name} is declared, and nothing shows that the system uses it"
            + (f": {'; '.join(tried[:3])}." if tried else "."),
            fields=(f"integrations.{name}",),
            why="What is declared and not used hides what is used and not declared.",
            remedy=f"Lead the system to {name} through integrations.{name}.test.via, let a flow pass it, or name a log "
            f"that shows its use in inventory.logs; take it out if it is not used.",
        )


def _callers(system: System, looked: _Looked) -> Iterator[Finding]:
    """Everybody who was seen is somebody; every caller who is declared was seen."""
    listed = {user.id for user in looked.users}
    told: set[str] = set()
    for place, names in looked.seen.callers.items():
        strangers = {n: c for n, c in names.items() if n not in listed and not _declared(system, n)}
        told |= set(names)
        if strangers:
            shown = ", ".join(f"{n} ({c})" for n, c in list(strangers.items())[:_MOST_SHOWN])
            yield Finding(
                code="caller-not-declared",
                summary=f"In {place} {count(len(strangers), 'caller')} who "
                f"{'is' if len(strangers) == 1 else 'are'} neither on the user list nor declared: {shown}.",
                fields=tuple(list(strangers)[:_MOST_SHOWN]),
                why="Who uses the outputs unknown to all was not trained, and is not told when it is taken offline.",
                remedy="Put people on the user list, with a group that a workflow names; declare a service under "
                "inventory.callers with what it calls for, by its whole name as shown here, or erp/* for all programs "
                "of the account erp; let callers log in where no name is told; shut out everybody else.",
            )
    if looked.seen.callers:
        for name in system.inventory.callers:
            if not any(declares(name, caller) for caller in told):
                yield Finding(
                    code="caller-never-seen",
                    summary=f"{name} is declared as a caller, and no log shows them.",
                    fields=(f"inventory.callers.{name}",),
                    why="Either they do not call, or they call where nobody looks.",
                    remedy=f"Take {name} out of inventory.callers, or name the log that shows their calls.",
                )


def _declared(system: System, name: str) -> bool:
    """Whether that caller is declared; an entry that names nobody is nobody who could be."""
    return name != NAMELESS and any(declares(caller, name) for caller in system.inventory.callers)


def _groups(system: System, looked: _Looked) -> Iterator[Finding]:
    """Somebody of each workflow's group was seen where its outputs are."""
    for name, workflow in system.workflows.items():
        members = {user.id for user in looked.users if user.group == workflow.users}
        places = [p for p, of in looked.seen.of.items() if of in workflow.outputs]
        if not members or not places:
            continue
        if not any(member in looked.seen.callers[place] for place in places for member in members):
            yield Finding(
                code="group-never-seen",
                summary=f"Nobody of the group {workflow.users} was seen to use the outputs of {name}.",
                fields=(f"workflows.{name}.users",),
                why="Outputs that nobody looks at help nobody, or others look at them.",
                remedy=f"Ask the head of {workflow.users} who opens the outputs of {name}. If others do, enter them in "
                f"the user list, or name their group in workflows.{name}.users. If they do, elsewhere or under other "
                "names, have inventory.logs name the log that shows it. If nobody does, let one of them work with an "
                "output, then run again.",
            )


def _reached(system: System, seen: Seen) -> Iterator[Finding]:
    """Every address that the system was seen to connect to is an integration or declared, and the other way round."""
    if not seen.reached:
        return
    known = {address for name in system.integrations for address in addresses(system, name)}
    others = {_place(address): address for address in system.inventory.others}
    met: set[str] = set()
    for place, names in seen.reached.items():
        strangers = [a for a in names if not {plain(a)} & known and not {*_places(a)} & {*others}]
        met |= {each for address in names for each in _places(address)}
        if strangers:
            yield Finding(
                code="connection-not-declared",
                summary=f"By {place} the system connects to {', '.join(strangers[:_MOST_SHOWN])}, "
                f"which no integration declares.",
                fields=tuple(strangers[:_MOST_SHOWN]),
                why="A feed that nobody declared changes without anybody being told.",
                remedy="Declare it under integrations; or under inventory.others with what it is for, where it neither "
                "feeds the model nor takes its outputs, or is another address of an integration.",
            )
    for where, address in others.items():
        if where not in met:
            yield Finding(
                code="address-never-seen",
                summary=f"{address} is declared, and no log shows that the system connects to it.",
                fields=(f"inventory.others.{address}",),
                why="What is declared and not used hides what is used and not declared.",
                remedy=f"Take {address} out of inventory.others, or name the log that shows it.",
            )


def _places(reached: str) -> tuple[str, str]:
    """As what an address that was reached may be declared: with its port, or as the host alone."""
    full = plain(reached)
    return full, full.rpartition(":")[0]


def _place(declared: str) -> str:
    """An address or a host as it is declared, as all are compared."""
    bare = declared.strip().strip("[]")
    try:
        return ip_address(bare).compressed
    except ValueError:
        return plain(declared) if ":" in declared else plain(f"{declared}:").rstrip(":")


def _answered_for(system: System, trial: Trial) -> Iterator[Finding]:
    who = system.inventory.who
    if who is None:
        yield Finding(
            code="nobody-answers",
            summary="Nobody is named who answers for the completeness of the inventory.",
            fields=("inventory.who",),
            why="What can be seen is not all that there is; somebody must have looked for the rest.",
            remedy="Name a person in inventory.who who knows the system and does not sign for IT, and let them "
            "accept it: seatrial accept --as ID inventory.",
        )
        return
    name = system.name_of(who)
    if who == system.signers.get(Role.IT):
        yield Finding(
            code="answers-and-signs",
            summary=f"{name} answers for the inventory and signs for IT, who reviews it.",
            fields=("inventory.who",),
            why="Nobody signs what they themselves attested.",
            remedy="Name another person in inventory.who.",
        )
    if gone(system, trial, who):
        yield Finding(
            code="left",
            summary=f"{name}, who answers for the inventory, has left.",
            fields=("inventory.who",),
            remedy="Name a successor in inventory.who, and let them accept it.",
        )
    elif acceptance(trial, _POST, who) is None:
        yield Finding(
            code="not-accepted",
            summary=f"{name} does not answer for the inventory as it is now.",
            fields=("inventory.who",),
            why="What can be seen is not all that there is; somebody must have looked for the rest.",
            remedy=f"{name} goes through the inventory and accepts it: seatrial accept --as {who} inventory.",
        )


def _figure(system: System, seen: Seen) -> Figure:
    rows = tuple(
        {
            "integration": name,
            "direction": section.direction,
            "seen by": "; ".join(dict.fromkeys(seen.uses.get(name, ()))) or "nothing",
        }
        for name, section in system.integrations.items()
    )
    return Figure(kind="inventory", title="What shows that each integration is used", rows=rows)


def _facts(system: System, looked: _Looked) -> dict[str, Json]:
    """How many callers each place told: ids of users stay where they are."""
    listed = {user.id for user in looked.users}
    return {
        "callers": {
            place: {
                "listed users": sum(name in listed for name in names),
                "declared": sum(_declared(system, name) for name in names),
                "nameless": names.get(NAMELESS, 0),
            }
            for place, names in looked.seen.callers.items()
        },
        "uses": {name: list(dict.fromkeys(how)) for name, how in looked.seen.uses.items()},
    }


def _budget_s(system: System) -> float:
    return 60.0 + sum(patience_s(flow) + 10.0 for flow in system.flows)


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=3,
    title="The inventory against what can be seen",
    run=_run,
    codes=_CODES,
    budget_s=_budget_s,
)
