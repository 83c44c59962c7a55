"""The pages of what lies outside: adapters, and other tools' results."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from types import ModuleType

from docs.pages.blocks import doc, modules, page, table

_IMPORTS_DECLARED = """```yaml
imports:
  breadth:
    format: garak
    requirement: model.adversarial   # or model.stress, model.threshold
    target: rest.RestGenerator:bot   # exactly as the tool's result names it
    passed: 0.95                     # the lower bound must reach it
    at_most: 30d
```"""


def adapters_page() -> str:
    """`adapters.md`."""
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
            (f"`{module.__name__.rpartition('.')[2]}`", doc(module).partition("\n\n")[0])
            for module in modules(package)
            if not module.__name__.endswith(".catalogue")
        )
        listed = ", ".join(f"`{name}`" for name in names)
        blocks += [f"## {title}", doc(catalogue), f"Kinds: {listed}.", table(("module", "what it does"), rows)]
    return page(*blocks)


def imports_page() -> str:
    """`imports.md`."""
    from seatrial.adapters.imports import catalogue, garak, inspect_ai, junit, promptfoo
    from seatrial.domains.model.imported import CHECKS

    modules = {"inspect": inspect_ai, "garak": garak, "promptfoo": promptfoo, "junit": junit}
    rows = (
        (
            f"`{name}`",
            doc(modules[name]),
            inspect.cleandoc(catalogue.READERS[name].__doc__ or "").partition("Raises")[0],
        )
        for name in catalogue.READERS
    )
    codes = ((f"`{code}`", text) for code, text in CHECKS[0].codes.items())
    return page(
        "# Results of other tools",
        "`seatrial import FORMAT RESULT FILE` files what another tool found as observed evidence, for breadth that "
        "seatrial does not try itself. It supplements: the requirement still demands what seatrial executes, and a "
        "result that misses its limit, or may be about something else, blocks GO like any other gap.",
        _IMPORTS_DECLARED,
        "Declare it first, run `seatrial run` once so that the model is identified, let the tool run, then import. The "
        "model is identified again at the import: a result counts only if one and the same model was served from before"
        " the tool's start until then. A time without a zone is taken for one of the machine that imports.",
        "## Formats",
        table(("format", "what", "what is read"), rows),
        "A unit (a prompt, a sample) that was tried several times passed only when each attempt did: counting attempts "
        "would take one prompt's repeats for as many independent prompts. Failed, inconclusive and errored units all "
        "count against.",
        "Never taken over: the tool's verdict and its own interval. Never kept: prompts, answers, and the tool's "
        "settings, which may hold credentials; the file's SHA-256 is. Unknown fields are ignored, a required one that "
        "is missing is an error.",
        "## Findings",
        table(("code", "meaning"), codes),
    )
