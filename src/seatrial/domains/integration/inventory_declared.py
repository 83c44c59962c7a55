"""The inventory as it is declared: every input has one source, every output a workflow, every workflow its people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from seatrial.core.observation import Finding
from seatrial.spec.inventory import MODEL
from seatrial.spec.model import InputField
from seatrial.spec.system import System
from seatrial.spec.users import User

_WHY = "What nobody declared, nobody tests, and nobody is told when it changes."
CODES = {
    "no-inputs": "The model's inputs are not declared, so that nobody can say where each comes from.",
    "input-without-source": "An input of the model names no integration that feeds it.",
    "source-contradicts": "An input is declared to come from one integration and is listed under another.",
    "source-unused": "An integration is declared as a source, and feeds no input and no flow.",
    "output-without-workflow": "What goes out through an integration enters no declared workflow.",
    "no-workflow": "No workflow is declared: nothing says where the outputs go.",
    "workflow-without-output": "A workflow does not say through which integration the outputs reach it.",
    "workflow-without-users": "A workflow has no group of users, or its group has nobody on the user list.",
    "group-without-workflow": "A group of the user list works in no declared workflow.",
}


def incomplete(system: System, inputs: Mapping[str, InputField], users: Sequence[User]) -> Iterator[Finding]:
    """What the system file leaves unmatched by itself."""
    yield from _inputs(system, inputs)
    yield from _sources(system, inputs)
    yield from _outputs(system)
    yield from _workflows(system, users)


def sources_of(system: System, name: str, declared: InputField) -> tuple[str, ...]:
    """The integrations that are declared to feed the input, each once."""
    listed = [n for n, section in system.integrations.items() if name in section.feeds]
    return tuple(dict.fromkeys([*([declared.fed_by] if declared.fed_by else []), *listed]))


def _inputs(system: System, inputs: Mapping[str, InputField]) -> Iterator[Finding]:
    if not inputs:
        yield Finding(
            code="no-inputs",
            summary="The model's inputs are not declared.",
            fields=("model.inputs",),
            why=_WHY,
            remedy="Declare every input under model.inputs, each with the integration in fed_by.",
        )
    for name, declared in inputs.items():
        sources = [s for s in sources_of(system, name, declared) if s in system.integrations]
        if not sources:
            yield Finding(
                code="input-without-source",
                summary=f"The input {name} names no integration that feeds it.",
                fields=(name,),
                why=_WHY,
                remedy=f"Declare where {name} comes from: model.inputs.{name}.fed_by, or the feeds of an integration.",
            )
        elif len(sources) > 1:
            yield Finding(
                code="source-contradicts",
                summary=f"The input {name} is declared to come from {' and from '.join(sources)}.",
                fields=(name,),
                why="One of the two is tested, and the other one delivers.",
                remedy=f"Name the one integration that feeds {name}.",
            )


def _sources(system: System, inputs: Mapping[str, InputField]) -> Iterator[Finding]:
    feeding = {s for name, declared in inputs.items() for s in sources_of(system, name, declared)}
    entered = {flow.from_ for flow in system.flows}
    for name, section in system.integrations.items():
        if section.direction != "out" and name not in feeding | entered:
            yield Finding(
                code="source-unused",
                summary=f"{name} is declared as a source, and feeds no input and no flow.",
                fields=(f"integrations.{name}",),
                why="Either it is not needed, or something that it feeds is not declared.",
                remedy=f"Declare what {name} feeds, or take it out.",
            )


def _outputs(system: System) -> Iterator[Finding]:
    entering = {output for workflow in system.workflows.values() for output in workflow.outputs}
    for name, section in system.integrations.items():
        if section.direction != "in" and name not in entering:
            yield Finding(
                code="output-without-workflow",
                summary=f"What goes out through {name} enters no declared workflow.",
                fields=(f"integrations.{name}",),
                why="Somebody acts on it whom nobody trained and nobody tells when it is taken offline.",
                remedy=f"Name {name} in the outputs of the workflow that uses it: workflows.….outputs.",
            )


def _workflows(system: System, users: Sequence[User]) -> Iterator[Finding]:
    if not system.workflows:
        yield Finding(
            code="no-workflow",
            summary="No workflow is declared.",
            fields=("workflows",),
            why=_WHY,
            remedy="Declare each workflow that acts on the outputs, with its outputs and its group of users.",
        )
    groups = {user.group for user in users}
    for name, workflow in system.workflows.items():
        if not workflow.outputs:
            yield Finding(
                code="workflow-without-output",
                summary=f"The workflow {name} does not say through what the outputs reach it.",
                fields=(f"workflows.{name}.outputs",),
                why=_WHY,
                remedy=f"Name the integrations in workflows.{name}.outputs; {MODEL} where people ask the model itself.",
            )
        if workflow.users is None or workflow.users not in groups:
            yield Finding(
                code="workflow-without-users",
                summary=f"The workflow {name} names no group of users."
                if workflow.users is None
                else f"Nobody on the user list is in the group {workflow.users} of the workflow {name}.",
                fields=(f"workflows.{name}.users",),
                why="Nobody knows whom to train and whom to tell.",
                remedy=f"Name in workflows.{name}.users a group of training.users.",
            )
    for group in sorted(groups - {workflow.users for workflow in system.workflows.values()}):
        yield Finding(
            code="group-without-workflow",
            summary=f"The group {group} is on the user list and works in no declared workflow.",
            fields=(group,),
            why="They use the outputs for something that nobody declared.",
            remedy=f"Declare the workflow of {group}, or take the group off the list.",
        )
