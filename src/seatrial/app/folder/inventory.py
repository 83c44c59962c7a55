"""The inventory as the person sees it who answers for it: where everything comes from and where it goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.stages import inputs_of
from seatrial.app.folder.workspace import Workspace
from seatrial.spec.model import InputField


def inventory_lines(workspace: Workspace) -> Iterator[str]:
    """Every input with its source, every integration, flow, workflow and caller, a line each."""
    system = workspace.system
    inputs: Mapping[str, InputField] = inputs_of(workspace, LocalFiles(workspace.base)) or {}
    for name, declared in inputs.items():
        listed = [n for n, section in system.integrations.items() if name in section.feeds]
        source = declared.fed_by or ", ".join(listed) or "nothing that is declared"
        yield f"  input {name}: from {source}"
    for name, section in system.integrations.items():
        yield f"  integration {name}: {section.kind}, {section.direction}"
    for flow in system.flows:
        yield f"  flow {flow.name}: from {flow.from_} to {flow.to}"
    for name, workflow in system.workflows.items():
        outputs = ", ".join(workflow.outputs) or "nothing that is declared"
        yield f"  workflow {name}: outputs through {outputs}, used by {workflow.users or 'nobody who is declared'}"
    for caller, purpose in system.inventory.callers.items():
        yield f"  caller {caller}: {purpose}"
    for address, purpose in system.inventory.others.items():
        yield f"  address {address}: {purpose}"
    yield "  You say that nothing else feeds it, takes its outputs or calls it."
