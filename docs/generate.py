"""The reference pages, generated from the code: `python -m docs.generate` writes them, `--check` names stale ones.

Nothing here depends on the machine, the time or the order of files, so that the pages only change with the code.
"""

# ruff: noqa: INP001 - `docs` holds pages; this script is its only module

from __future__ import annotations

import argparse
import ast
import inspect
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

REFERENCE = Path(__file__).parent / "reference"
_PACKAGE = Path(__file__).parents[1] / "src" / "seatrial"
_WIDTH = 88
_MOST_LINES = 50
_MADE = "<!-- Made by `python -m docs.generate` from the code: change the code, not this page. -->"
_EXAMPLE = {
    name: f"http://127.0.0.1:{port}"
    for port, name in enumerate(("ARRIVAL_MODEL", "ARRIVAL_WEATHER", "ARRIVAL_PLANNER", "ARRIVAL_PAGER"), start=9001)
} | {"ARRIVAL_WEATHER_LINE": "127.0.0.1:9011", "ARRIVAL_PLANNER_LINE": "127.0.0.1:9012"}


_IMPORTS_DECLARED = """```yaml
imports:
  breadth:
    format: garak
    requirement: model.adversarial   # or model.stress, model.threshold
    target: rest.RestGenerator:bot   # exactly as the tool's result names it
    passed: 0.95                     # the lower bound must reach it
    at_most: 30d
```"""


def pages() -> dict[str, str]:
    """Every page by its file name."""
    from seatrial.gate.encoding import verdict_schema
    from seatrial.spec.reference import system_reference
    from seatrial.spec.schema import system_schema_text

    written = {
        "cli.md": _cli(),
        "requirements.md": _requirements(),
        "checks.md": _checks(),
        "system-file.md": system_reference(),
        "other-files.md": _other_files(),
        "codes.md": _codes(),
        "figures.md": _figures(),
        "glossary.md": _glossary(),
        "measures.md": _measures(),
        "statistics.md": _statistics(),
        "adapters.md": _adapters(),
        "imports.md": _imports(),
        "policy.md": _policy(),
    }
    made = {name: f"{_MADE}\n\n{_tidy(text)}" for name, text in written.items()}
    made["seatrial.schema.json"] = system_schema_text()
    made["verdict.schema.json"] = json.dumps(verdict_schema(), indent=2, ensure_ascii=False) + "\n"
    return made


def stale(folder: Path = REFERENCE) -> list[str]:
    """The pages that are not what the code says, and pages that were made once and are made no more."""
    made = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.is_file()}
    ours = made.keys() | {name for name, text in there.items() if text.startswith(_MADE)}
    return sorted(name for name in ours if made.get(name) != there.get(name))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or with `--check` only tell which are stale: exit code 1 when any is."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; name stale pages")
    if parser.parse_args(arguments).check:
        names = stale()
        sys.stdout.writelines(f"stale: docs/reference/{name}\n" for name in names)
        if names:
            sys.stdout.write("run `python -m docs.generate`\n")
        return 1 if names else 0
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
    return 0


def _tidy(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"


def _page(*blocks: str | Iterable[str]) -> str:
    return "\n\n".join(block if isinstance(block, str) else "\n".join(block) for block in blocks)


def _cell(text: object) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cli() -> str:
    import typer

    from seatrial.cli.main import _assemble

    group: Any = typer.main.get_command(_assemble())
    top = typer.Context(group, info_name="seatrial", terminal_width=_WIDTH, max_content_width=_WIDTH)
    blocks = [
        "# Commands",
        (
            "Results go to standard output, progress and errors to standard error. With `--json` an error is a JSON "
            "object with `error`, `remedy`, `kind` and, for a file with several of them, `problems`."
        ),
        _table(
            ("exit code", "meaning"),
            (
                (0, "GO, or done"),
                (1, "NO-GO, a rehearsal, anything not determined, or a record that does not verify"),
                (2, "no review was possible: the error says why"),
                (64, "a wrong command, option or argument"),
                (130, "stopped by hand; everything recorded so far is kept"),
            ),
        ),
        _help("seatrial", group, top),
    ]
    for name, command in group.commands.items():
        context = typer.Context(command, info_name=name, parent=top, terminal_width=_WIDTH, max_content_width=_WIDTH)
        blocks.append(_help(f"seatrial {name}", command, context))
    return _page(*blocks)


def _help(title: str, command: Any, context: Any) -> str:
    lines = [line.rstrip() for line in command.get_help(context).splitlines()]
    return "\n".join((f"## {title}", "", "```text", *lines, "```"))


def _requirements() -> str:
    from seatrial.app.folder.catalogue import checks
    from seatrial.gate.catalogue import EVERY, PRODUCTION_READINESS
    from seatrial.gate.gates import GATES
    from seatrial.present.words import DOMAIN_TITLES, ROLE_TITLES
    from seatrial.spec.policy import Policy

    able = {check.requirement for check in checks() if not check.supplements}
    blocks = [
        "# Requirements",
        (
            f"The production-readiness gate has {len(PRODUCTION_READINESS)} requirements. GO needs every one of them. "
            "Those that no check of this version establishes are a gap in every verdict. Three gates stand on a "
            "system's way; each judges the same evidence, and what is signed or decided at one counts at no other."
        ),
        _table(
            ("gate", "what it asks", "demands", "its review stands before the day"),
            (
                (
                    f"`{gate.name.value}`",
                    gate.question,
                    f"{len(gate.requirements)} requirements"
                    + "".join(f"; `{key}` {limit:g}" for key, limit in gate.limits.items()),
                    "{} to {} days".format(*gate.review_window(Policy())),
                )
                for gate in GATES.values()
            ),
        ),
        _table(
            ("requirement", "the question", "established by a check"),
            ((f"[`{r.id}`](#{_anchor(r.id)})", r.question, "yes" if r.id in able else "not yet") for r in EVERY),
        ),
    ]
    for row in EVERY:
        facts: list[tuple[str, object]] = [
            ("domain", DOMAIN_TITLES[row.domain]),
            ("demanded at", ", ".join(g.title.lower() for g in GATES.values() if row in g.requirements)),
            ("why", row.why),
            ("established by", row.establishes),
            ("demands", ", ".join((row.demands.value, *(f"with {c.value}" for c in row.complements)))),
            ("holds for", f"{row.lease_days:g} days"),
            ("rests on", ", ".join(f"`{part}`" for part in row.rests_on)),
            ("reviewed by", ROLE_TITLES[row.reviewer]),
            ("may not apply", "yes, when two people agree" if row.may_be_not_applicable else "no, it always applies"),
            ("may be waived", "only by a policy that names it; the default policy has no waivers")
            if row.may_be_waived
            else ("may be waived", "never"),
            ("after", ", ".join(f"`{r}`" for r in row.after) or "nothing"),
            ("remedy", f"{row.remedy} About {row.effort_days:g} working days."),
            ("check", f"[`{row.id}`](checks.md#{_anchor(row.id)})" if row.id in able else "none in this version"),
        ]
        blocks += [f"## {row.id}", row.question, _table(("", ""), facts)]
    return _page(*blocks)


def _anchor(name: str) -> str:
    """The anchor of a heading, as Git hosts make it."""
    return re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-")


def _checks() -> str:
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
        _table(("check", "what it does"), ((f"[`{c.id}`](#{_anchor(c.id)})", c.title) for c in checks())),
    ]
    for check in checks():
        limits = check.limits(system)
        blocks += [
            f"## {check.id}",
            (
                f"{check.title}. It establishes [`{check.requirement}`](requirements.md#{_anchor(check.requirement)})"
                f"{'; everything else stands still while it runs' if check.alone else ''}. Version {check.version}."
            ),
            inspect.cleandoc(sys.modules[check.run.__module__].__doc__ or "")
            if check.run.__module__.startswith("seatrial.domains.")
            else "",
        ]
        if limits:
            rows = ((f"`{t.measure}`", _SENSES[t.sense.value], f"{t.limit:g} {t.unit}".strip()) for t in limits)
            blocks.append(_table(("measure", "must be", "limit"), rows))
        blocks.append(_table(("code", "meaning"), ((f"`{code}`", text) for code, text in check.codes.items())))
    return _page(*blocks)


_SENSES = {"at_least": "at least", "at_most": "at most"}


def _example_system() -> Any:
    from seatrial.spec.loading import load_system
    from seatrial.spec.policy import policy_for

    file = _PACKAGE / "examples" / "arrival_delay" / "files" / "ready" / "seatrial.yaml"
    system = load_system(file.read_bytes(), name=file.name, environment=_EXAMPLE).system
    return system.model_copy(update={"policy": policy_for(system.criticality)})


def _codes() -> str:
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
        blocks += [f"## {title}", text, _table(("code", "meaning"), rows)]
    return _page(*blocks)


def _figures() -> str:
    from seatrial.present import figures

    return _page(
        "# Figures", "The pictures of the dossier. A check gives the data; the presenter draws.", _doc(figures)
    )


_SHIPPED = _PACKAGE / "examples" / "arrival_delay" / "files"
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


def _other_files() -> str:
    said = "What the system file refers to, each as the shipped example has it; addresses in `${…}` come from outside."
    return _page("# The other files", said, *(block for each in _FILES for block in _other_file(*each)))


def _other_file(title: str, described: str, example: str) -> Iterator[str]:
    yield f"## {title}"
    if described:
        module, _, name = described.rpartition(".")
        yield inspect.cleandoc(getattr(import_module(f"seatrial.{module}"), name).__doc__ or "")
    else:
        yield "One record of an integration, as JSON Schema; `unit` says what a number is in."
    if example:
        text = (_SHIPPED / example).read_text(encoding="utf-8").rstrip("\n")
        lines = text.splitlines()
        yield f"```{example.rpartition('.')[2]}\n" + "\n".join(lines[:_MOST_LINES]) + "\n```"


def _glossary() -> str:
    from seatrial.core import vocabulary

    blocks = ["# Words", _doc(vocabulary)]
    tree = ast.parse(inspect.getsource(vocabulary))
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            blocks += [f"## {node.name}", ast.get_docstring(node) or "", _members(node)]
    return _page(*blocks)


def _members(node: ast.ClassDef) -> str:
    rows = []
    for before, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(before, ast.Assign) and isinstance(before.value, ast.Constant):
            told = after.value if isinstance(after, ast.Expr) else None
            text = str(told.value) if isinstance(told, ast.Constant) else ""
            rows.append((f"`{before.value.value!s}`", inspect.cleandoc(text)))
    if not any(text for _, text in rows):
        return ", ".join(word for word, _ in rows) + "."
    return _table(("word", "meaning"), rows)


def _measures() -> str:
    from seatrial.measure import accumulator, catalogue

    blocks = ["# Measures", _doc(accumulator), _doc(catalogue)]
    for name, measure in catalogue.CATALOGUE.items():
        blocks += [f"## {name}", _doc(sys.modules[measure.__module__])]
    return _page(*blocks)


def _statistics() -> str:
    blocks = [
        "# Statistics",
        (
            "The mathematics under the checks. Every function that gives a bound says what it assumes, what it "
            "guarantees, and where it is from. Bounds are one-sided: each is valid on its own at its error rate."
        ),
    ]
    for module in _modules("stats"):
        parts = _DOC_PARTS.split(_doc(module))
        blocks += [f"## {module.__name__.rpartition('.')[2]}", parts[0]]
        named = [(parts[i].lower(), parts[i + 1].strip()) for i in range(1, len(parts), 2)]
        if named:
            blocks.append("\n".join(f"- **{name}**: {_cell(text)}" for name, text in named))
        rows = [(f"`{name}`", first) for name, first in _functions(module)]
        if rows:
            blocks.append(_table(("function", "what it gives"), rows))
    return _page(*blocks)


_DOC_PARTS = re.compile(r"\b(Assumption|Guarantee|Source): ")


def _functions(module: ModuleType) -> Iterator[tuple[str, str]]:
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            told = (ast.get_docstring(node) or "").partition("\n\n")[0]
            yield node.name, told


def _adapters() -> str:
    from seatrial.adapters.integrations import catalogue as integrations
    from seatrial.adapters.models import catalogue as models
    from seatrial.adapters.pagers import catalogue as pagers
    from seatrial.adapters.steps import catalogue as steps
    from seatrial.adapters.tables import catalogue as tables

    kinds: Mapping[str, tuple[str, ModuleType, Iterable[str]]] = {
        "Models": ("adapters.models", models, models.FACTORIES),
        "Tables": ("adapters.tables", tables, (*tables.KINDS, "a database URL with a query")),
        "Integrations": ("adapters.integrations", integrations, integrations.FACTORIES),
        "Procedure steps": ("adapters.steps", steps, steps.KINDS),
        "Pagers": ("adapters.pagers", pagers, ("webhook+https://…", "every URL that Apprise knows")),
    }
    blocks = ["# Adapters", "How seatrial reaches the world outside. Only what the system file declares is called."]
    for title, (package, catalogue, names) in kinds.items():
        rows = (
            (f"`{module.__name__.rpartition('.')[2]}`", _doc(module).partition("\n\n")[0])
            for module in _modules(package)
            if not module.__name__.endswith(".catalogue")
        )
        listed = ", ".join(f"`{name}`" for name in names)
        blocks += [f"## {title}", _doc(catalogue), f"Kinds: {listed}.", _table(("module", "what it does"), rows)]
    return _page(*blocks)


def _imports() -> str:
    from seatrial.adapters.imports import catalogue, garak, inspect_ai, junit, promptfoo
    from seatrial.domains.model.imported import CHECKS

    modules = {"inspect": inspect_ai, "garak": garak, "promptfoo": promptfoo, "junit": junit}
    rows = (
        (
            f"`{name}`",
            _doc(modules[name]),
            inspect.cleandoc(catalogue.READERS[name].__doc__ or "").partition("Raises")[0],
        )
        for name in catalogue.READERS
    )
    codes = ((f"`{code}`", text) for code, text in CHECKS[0].codes.items())
    return _page(
        "# Results of other tools",
        "`seatrial import FORMAT RESULT FILE` files what another tool found as observed evidence, for breadth that "
        "seatrial does not try itself. It supplements: the requirement still demands what seatrial executes, and a "
        "result that misses its limit, or may be about something else, blocks GO like any other gap.",
        _IMPORTS_DECLARED,
        "Declare it first, run `seatrial run` once so that the model is identified, let the tool run, then import. The "
        "model is identified again at the import: a result counts only if one and the same model was served from before"
        " the tool's start until then. A time without a zone is taken for one of the machine that imports.",
        "## Formats",
        _table(("format", "what", "what is read"), rows),
        "A unit (a prompt, a sample) that was tried several times passed only when each attempt did: counting attempts "
        "would take one prompt's repeats for as many independent prompts. Failed, inconclusive and errored units all "
        "count against.",
        "Never taken over: the tool's verdict and its own interval. Never kept: prompts, answers, and the tool's "
        "settings, which may hold credentials; the file's SHA-256 is. Unknown fields are ignored, a required one that "
        "is missing is an error.",
        "## Findings",
        _table(("code", "meaning"), codes),
    )


def _policy() -> str:
    from seatrial.core.vocabulary import Criticality
    from seatrial.spec import policy
    from seatrial.spec.section import attribute_docstrings

    policies = {criticality.value: policy.policy_for(criticality) for criticality in Criticality}
    demo = policy.short_demo(Criticality.OPERATIONAL)
    meanings = attribute_docstrings(policy.Policy)
    rows = [
        (
            f"`{name}`",
            *(_value(getattr(p, name), name) for p in policies.values()),
            _value(getattr(demo, name), name),
            meanings.get(name, ""),
        )
        for name in policy.Policy.model_fields
        if name not in ("name", "leases", "waivers", "gates")
    ]
    at_gates = ", ".join(f"`{name}`" for name in policy.GateLimits.model_fields)
    return _page(
        "# Policy",
        _doc(policy),
        "The criticality of the system chooses the column. `short-demo` is for showing: it is marked, and no verdict "
        "under it can be GO.",
        _table(("value", *policies, "short-demo", "meaning"), rows),
        "## Limits of a gate",
        _doc(policy.GateLimits),
        f"They stand under `gates`, by the name of the gate: {at_gates}. At a gate the strictest counts: of the "
        "product, of the policy, and of what it says for that gate.",
    )


def _value(value: object, name: str) -> str:
    from seatrial.spec.policy import Policy

    if isinstance(value, tuple):
        return " to ".join(map(str, value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value).lower()
    return f"{value:g} s" if Policy.in_seconds(name) else f"{value:g}"


def _modules(package: str) -> Iterator[ModuleType]:
    folder = _PACKAGE / package.replace(".", "/")
    for path in sorted(folder.glob("*.py")):
        if path.stem != "__init__" and not path.stem.endswith("_worker"):
            yield import_module(f"seatrial.{package}.{path.stem}")


def _doc(module: ModuleType) -> str:
    return inspect.cleandoc(module.__doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
