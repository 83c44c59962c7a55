"""What a person is shown before they accept a duty."""

from __future__ import annotations

from seatrial.app.folder.workspace import Workspace
from seatrial.spec.system import System


def duty_text(workspace: Workspace, duty: str) -> str:
    """The duty as the system file states it now, in lines."""
    name, _, deputy = duty.partition(".")
    system = workspace.system
    if name == "inventory":
        from seatrial.app.folder.inventory import inventory_lines

        return "\n".join([f"{system.system} {system.version}: {duty}", *inventory_lines(workspace)])
    owned = system.owner.model_dump(mode="json", exclude_none=True)
    duties = system.duties.model_dump(mode="json", by_alias=True, exclude_none=True)
    duties["change"] = system.change.model_dump(mode="json", exclude_none=True)
    content = owned if name in {"owner", "manager"} else duties.get(name, {})
    lines = [f"{system.system} {system.version}: {duty}", *(f"  {key}: {value}" for key, value in content.items())]
    return "\n".join([*lines, "  as the deputy"] if deputy else lines)


def named_later(system: System, duty: str) -> tuple[str, ...]:
    """The documents of a duty that the system file does not name yet: to name one changes what was accepted."""
    name = duty.partition(".")[0]
    retraining = system.duties.retraining
    missing = {
        "change": {"change.plan": system.change.plan},
        "retraining": {"duties.retraining.criteria": None if retraining is None else retraining.criteria},
    }
    return tuple(field for field, path in missing.get(name, {}).items() if path is None)
