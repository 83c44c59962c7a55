"""The page of the files beside the system file, each as the shipped example has it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module

from docs.pages.blocks import PACKAGE, page

_MOST_LINES = 50


_SHIPPED = PACKAGE / "examples" / "arrival_delay" / "files"


_FILES = (
    ("A procedure", "spec.procedure.Procedure", "shared/procedures/offline.yaml"),
    ("A step of a procedure", "spec.procedure.Step", ""),
    ("The failure-mode register", "spec.failure_modes.FailureMode", "ready/failure-modes.yaml"),
    ("The users", "spec.users.User", "shared/users.csv"),
    ("The governance plan", "spec.documents.Document", "shared/docs/governance-plan.md"),
    ("A process document", "spec.documents.Document", "ready/docs/dock-planning.md"),
    ("A contract", "", "shared/contracts/weather.json"),
    ("The inputs", "spec.model.InputField", "shared/inputs.json"),
)


def other_files_page() -> str:
    """`other-files.md`."""
    said = "What the system file refers to, each as the shipped example has it; addresses in `${…}` come from outside."
    return page("# The other files", said, *(block for each in _FILES for block in _other_file(*each)))


def _other_file(title: str, described: str, example: str) -> Iterator[str]:
    yield f"## {title}"
    if described:
        module, _, name = described.rpartition(".")
        yield inspect.cleandoc(getattr(import_module(f"seatrial.{module}"), name).__doc__ or "")
    else:
        yield (
            "One record of an integration, as JSON Schema; `unit` says what a number is in, and `relations` lists what "
            'must hold between its fields, such as `["quantity % pack == 0"]`.'
        )
    if example:
        text = (_SHIPPED / example).read_text(encoding="utf-8").rstrip("\n")
        lines = text.splitlines()
        yield f"```{example.rpartition('.')[2]}\n" + "\n".join(lines[:_MOST_LINES]) + "\n```"
