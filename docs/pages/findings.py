"""The pages of what is found: checks, codes, figures, and the words for all of it."""

from __future__ import annotations

import ast
import inspect
import sys
from typing import Any

from docs.pages.blocks import PACKAGE, anchor, doc, page, table

_SENSES = {"at_least": "at least", "at_most": "at most"}


_EXAMPLE = {
    name: f"http://127.0.0.1:{port}"
    for port, name in enumerate(("ARRIVAL_MODEL", "ARRIVAL_WEATHER", "ARRIVAL_PLANNER", "ARRIVAL_PAGER"), start=9001)
} | {"ARRIVAL_WEATHER_LINE": "127.0.0.1:9011", "ARRIVAL_PLANNER_LINE": "127.0.0.1:9012"}


def checks_page() -> str:
    """`checks.md`."""
    from seatrial.app.folder.catalogue import checks
    from seatrial.engine.codes import CODES as ENGINE_CODES

    system = _example_system()
    blocks = [
        "# Checks",
        (
            "What each check can find, and the limits that are in force for the shipped example (`seatrial demo "
            "--ready`, under the default policy). A limit comes from the governance plan or from the policy; a check "
            "never judges itself. Beside its own codes every check can end with one of the engine's: "
            f"{', '.join(f'`{code}`' for code in ENGINE_CODES)}; see [codes](codes.md)."
        ),
        table(("check", "what it does"), ((f"[`{c.id}`](#{anchor(c.id)})", c.title) for c in checks())),
    ]
    for check in checks():
        limits = check.limits(system)
        blocks += [
            f"## {check.id}",
            (
                f"{check.title}. It establishes [`{check.requirement}`](requirements.md#{anchor(check.requirement)})"
                f"{'; everything else stands still while it runs' if check.alone else ''}. Version {check.version}."
            ),
            inspect.cleandoc(sys.modules[check.run.__module__].__doc__ or "")
            if check.run.__module__.startswith("seatrial.domains.")
            else "",
        ]
        if limits:
            rows = ((f"`{t.measure}`", _SENSES[t.sense.value], f"{t.limit:g} {t.unit}".strip()) for t in limits)
            blocks.append(table(("measure", "must be", "limit"), rows))
        blocks.append(table(("code", "meaning"), ((f"`{code}`", text) for code, text in check.codes.items())))
    return page(*blocks)


def _example_system() -> Any:
    from seatrial.spec.loading import load_system
    from seatrial.spec.policy import policy_for

    file = PACKAGE / "examples" / "arrival_delay" / "files" / "ready" / "seatrial.yaml"
    system = load_system(file.read_bytes(), name=file.name, environment=_EXAMPLE).system
    return system.model_copy(update={"policy": policy_for(system.criticality)})


def codes_page() -> str:
    """`codes.md`."""
    from seatrial.engine.codes import CODES as ENGINE_CODES
    from seatrial.evidence.failures import _SENTENCES
    from seatrial.evidence.report import PROBLEM_CODES
    from seatrial.gate.codes import GATE_CODES
    from seatrial.watch.events import REFUSALS

    databases = {
        code: f"{what.format(where='…')}; {remedy}".rstrip("; ") for code, (what, remedy) in _SENTENCES.items()
    }
    sections = (
        ("The gate", "Why a requirement is not MET, beside what a check found.", GATE_CODES),
        ("The engine", "Why a check made no observation, beside its own reasons.", ENGINE_CODES),
        ("Verification", "What `seatrial verify` finds in a ledger or a bundle.", PROBLEM_CODES),
        ("The ledger's database", "Why a ledger could not be used.", databases),
        ("The watch", "Why an event that came in is not taken; each is counted, and told to the sender.", REFUSALS),
    )
    blocks = [
        "# Codes",
        (
            "Literal codes in verdicts, JSON and records. A code never changes its meaning. The codes of each check "
            "are with the [checks](checks.md)."
        ),
    ]
    for title, text, codes in sections:
        rows = ((f"`{code}`", codes[code]) for code in sorted(codes))
        blocks += [f"## {title}", text, table(("code", "meaning"), rows)]
    return page(*blocks)


def figures_page() -> str:
    """`figures.md`."""
    from seatrial.present import figures

    return page("# Figures", "The pictures of the dossier. A check gives the data; the presenter draws.", doc(figures))


def glossary_page() -> str:
    """`glossary.md`."""
    from seatrial.core import vocabulary

    blocks = ["# Words", doc(vocabulary)]
    tree = ast.parse(inspect.getsource(vocabulary))
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            blocks += [f"## {node.name}", ast.get_docstring(node) or "", _members(node)]
    return page(*blocks)


def _members(node: ast.ClassDef) -> str:
    rows = []
    for before, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(before, ast.Assign) and isinstance(before.value, ast.Constant):
            told = after.value if isinstance(after, ast.Expr) else None
            text = str(told.value) if isinstance(told, ast.Constant) else ""
            rows.append((f"`{before.value.value!s}`", inspect.cleandoc(text)))
    if not any(text for _, text in rows):
        return ", ".join(word for word, _ in rows) + "."
    return table(("word", "meaning"), rows)
