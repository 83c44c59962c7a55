"""What must agree across a system file: declared names, distinct persons, possible values.

Works on the tree, so that these problems are told together with those of form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from seatrial.spec.adversarial_references import adversarial_disagreements, chat_attack_disagreements
from seatrial.spec.integration_references import integration_disagreements
from seatrial.spec.inventory import MODEL
from seatrial.spec.key_range import key_range_disagreements
from seatrial.spec.model import MODEL_ADDRESSES
from seatrial.spec.people_references import people_disagreements
from seatrial.spec.problem import Problem
from seatrial.spec.quantities import duration_s, number, rate_per_s, share
from seatrial.spec.stress_references import stress_disagreements
from seatrial.spec.tree import Document, Node, TreePath

Rule: TypeAlias = "Callable[[Document], Iterator[Problem]]"

_PEOPLE = (
    ("owner", "who"),
    ("owner", "deputy"),
    ("owner", "manager"),
    ("duties", "*", "who"),
    ("duties", "*", "deputy"),
    ("signers", "*"),
    ("governance", "plan", "approved_by"),
    ("change", "who"),
    ("inventory", "who"),
    ("compliance", "who"),
    ("compliance", "retention", "*", "who"),
    ("compliance", "logging", "*", "who"),
    ("integrations", "*", "production", "approved_by"),
    ("watch", "summary", "to", "*"),
)
_INTEGRATIONS = (
    ("flows", "*", "in"),
    ("flows", "*", "out"),
    ("data", "freshness", "*", "source"),
    ("model", "inputs", "*", "fed_by"),
    ("governance", "offline_when", "*", "freshness"),
    ("watch", "intakes", "*", "integration"),
    ("workflows", "*", "fallback", "lands", "integration"),
)
_RATES = frozenset(
    {
        "accuracy",
        "recall",
        "precision",
        "specificity",
        "sensitivity",
        "npv",
        "ppv",
        "tpr",
        "tnr",
        "fpr",
        "fnr",
        "f1",
        "macro-f1",
        "micro-f1",
        "balanced-accuracy",
        "auc",
        "roc-auc",
        "average-precision",
        "brier",
        "false-alarm-rate",
        "exact-match",
    }
)
_ERRORS = frozenset({"mae", "rmse", "mse", "mape", "log-loss", "ece", "brier"})
_CHAT_TASKS = ("chat", "text", "extraction", "multiclass")
_NUMERIC_TASKS = ("binary", "regression")
_SENT_ANYWAY = frozenset({"model", "messages", "stream", "tools", "n"})
_NEAR = 1e-3
_OVER = re.compile(r"[1-9]\d{0,9} \S.{0,40}")


def disagreements(document: Document) -> list[Problem]:
    """Everything in a system file that contradicts something else in it, or cannot be."""
    return [problem for rule in _RULES for problem in rule(document)]


def undecided_references(document: Document) -> set[TreePath]:
    """References to something that the file declares but leaves undecided: they are undecided with it."""
    return {
        path
        for section, patterns in (("people", _PEOPLE), ("integrations", _INTEGRATIONS))
        for pattern in patterns
        for path, node in document.match(*pattern)
        if isinstance(node.value, str) and (section, node.value) in document.absent
    }


def _dangling(document: Document) -> Iterator[Problem]:
    for section, patterns, what in (
        ("people", _PEOPLE, "a person declared under people"),
        ("integrations", _INTEGRATIONS, "an integration declared under integrations"),
    ):
        declared = document.node((section,))
        names = tuple(declared.value) if declared is not None and isinstance(declared.value, dict) else ()
        if (section,) in document.absent:
            continue
        for pattern in patterns:
            for path, node in document.match(*pattern):
                if isinstance(node.value, str) and node.value not in names:
                    yield document.problem(path, expected=what, word=node.value, candidates=names)


def _sources(document: Document) -> Iterator[Problem]:
    """Sources that are taken away, or whose schema is changed, are integrations, named by their key."""
    declared = document.node(("integrations",))
    names = tuple(declared.value) if declared is not None and isinstance(declared.value, dict) else ()
    for section in ("interruption", "schema_change"):
        for path, _ in document.match("data", section, "sources", "*"):
            if str(path[-1]) not in names:
                expected = "an integration declared under integrations"
                yield document.problem(path, expected=expected, word=str(path[-1]), candidates=names)


def _outlets(document: Document) -> Iterator[Problem]:
    for path, node in document.match("watch", "outlets", "*", "url"):
        if isinstance(node.value, str) and not node.value.startswith(("http://", "https://")):
            yield document.problem(path, expected="an http:// or https:// address", word=node.value)


def _or_the_model(document: Document) -> Iterator[Problem]:
    """Outputs and access logs are those of an integration, or of the model itself."""
    declared = document.node(("integrations",))
    names = tuple(declared.value) if declared is not None and isinstance(declared.value, dict) else ()
    for pattern in (("workflows", "*", "outputs", "*"), ("inventory", "logs", "*", "of")):
        for path, node in document.match(*pattern):
            if isinstance(node.value, str) and node.value not in (*names, MODEL):
                expected = "'model', or an integration declared under integrations"
                yield document.problem(path, expected=expected, word=node.value, candidates=(*names, MODEL))


def _feeds(document: Document) -> Iterator[Problem]:
    inputs = document.node(("model", "inputs"))
    if inputs is None or not isinstance(inputs.value, dict):
        return
    names = tuple(inputs.value)
    for path, node in document.match("integrations", "*", "feeds", "*"):
        if isinstance(node.value, str) and node.value not in names:
            yield document.problem(path, expected="an input of the model", word=node.value, candidates=names)


def _load_sources(document: Document) -> Iterator[Problem]:
    """Memory is seen in one place, and arrivals are drawn or replayed."""
    for path, node in document.match("load", "memory"):
        given = {"process", "metrics"} & set(node.value) if isinstance(node.value, dict) else {"process"}
        if len(given) != 1:
            found = "both 'process' and 'metrics'" if given else "neither 'process' nor 'metrics'"
            yield document.problem(path, found=found, expected="one of them")
    if document.present(("load", "trace")) and document.present(("load", "arrivals")):
        yield document.problem(
            ("load", "arrivals"), at_key=True, found="the key 'arrivals' beside 'trace'", expected="one"
        )


def _landings(document: Document) -> Iterator[Problem]:
    """What is finished by hand is seen at one place."""
    for path, node in document.match("workflows", "*", "fallback", "lands"):
        given = [k for k in ("integration", "source") if isinstance(node.value, dict) and k in node.value]
        if isinstance(node.value, dict) and len(given) != 1:
            found = " and ".join(given) if given else "neither integration nor source"
            yield document.problem(path, at_key=True, found=found, expected="either integration or source")


def _own_deputy(document: Document) -> Iterator[Problem]:
    for pattern in (("owner",), ("duties", "*")):
        for path, node in document.match(*pattern):
            yield from _same(document, path, node, "deputy", "a deputy who is another person than 'who'")
    for path, node in document.match("owner"):
        yield from _same(document, path, node, "manager", "a manager who is another person than the owner")


def _same(document: Document, path: TreePath, node: Node, key: str, expected: str) -> Iterator[Problem]:
    if not isinstance(node.value, dict):
        return
    who, other = node.value.get("who"), node.value.get(key)
    both = document.present((*path, "who")) and document.present((*path, key))
    if both and who is not None and other is not None and isinstance(who.value, str) and who.value == other.value:
        yield document.problem((*path, key), expected=expected)


def _two_roles(document: Document) -> Iterator[Problem]:
    signing: dict[str, TreePath] = {}
    for path, node in document.match("signers", "*"):
        if not isinstance(node.value, str):
            continue
        if node.value in signing:
            first = signing[node.value][-1]
            yield document.problem(path, expected=f"another person: {node.shown()} already signs as {first}")
        signing.setdefault(node.value, path)


def _one_model(document: Document) -> Iterator[Problem]:
    model = document.node(("model",))
    if model is None or not isinstance(model.value, dict) or not document.present(("model",)):
        return
    known = f"{', '.join(MODEL_ADDRESSES[:-1])} and {MODEL_ADDRESSES[-1]}"
    given = [k for k in MODEL_ADDRESSES if k in model.value]
    if len(given) != 1:
        yield document.problem(
            ("model",),
            at_key=True,
            found=" and ".join(given) if given else f"none of {known}",
            expected=f"exactly one of {known}",
        )


def _vendor(document: Document) -> Iterator[Problem]:
    """Past predictions need to say whose they are; a vendor's model is identified by probes or by their file."""
    model = document.node(("model",))
    if model is None or not isinstance(model.value, dict) or not document.present(("model",)):
        return
    if "recorded" in model.value and "vendor" not in model.value:
        yield document.problem(
            ("model", "recorded"),
            at_key=True,
            found="'recorded' without 'vendor'",
            expected="the key 'vendor' beside it",
        )
    if document.node(("model", "vendor", "probes")) is None:
        return
    for key in ("recorded", "identity"):
        if key in model.value:
            other = "past predictions cannot be asked" if key == "recorded" else "the probes tell the identity"
            yield document.problem(
                ("model", "vendor", "probes"), at_key=True, found=f"'probes' beside '{key}'", expected=f"one: {other}"
            )


def _chat(document: Document) -> Iterator[Problem]:
    """An OpenAI-compatible endpoint and how it is asked belong together."""
    model = document.node(("model",))
    if model is None or not isinstance(model.value, dict) or not document.present(("model",)):
        return
    if "openai" in model.value and "chat" not in model.value:
        yield document.problem(
            ("model", "openai"), at_key=True, found="'openai' without 'chat'", expected="the key 'chat' beside it"
        )
    if "chat" in model.value and "openai" not in model.value:
        yield document.problem(
            ("model", "chat"), at_key=True, found="'chat' without 'openai'", expected="the key 'openai' beside it"
        )
    if "openai" in model.value and _text(document, ("model", "task")) in _NUMERIC_TASKS:
        yield document.problem(("model", "task"), expected=f"one of {', '.join(_CHAT_TASKS)}: it answers in text")
    for path, _ in document.match("model", "chat", "parameters", "*"):
        if path[-1] in _SENT_ANYWAY:
            yield document.problem(path, at_key=True, expected="a parameter that seatrial does not set itself")
    context = _text(document, ("model", "chat", "context"))
    inputs = document.node(("model", "inputs"))
    if context and inputs is not None and isinstance(inputs.value, dict) and context not in inputs.value:
        yield document.problem(
            ("model", "chat", "context"),
            expected="an input of the model",
            word=context,
            candidates=tuple(inputs.value),
        )


def _flow_names(document: Document) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for path, node in document.match("flows", "*", "name"):
        if isinstance(node.value, str):
            if node.value in seen:
                yield document.problem(path, expected=f"another name: line {seen[node.value]} has it already")
            seen.setdefault(node.value, node.line)


def _flow_orders(document: Document) -> Iterator[Problem]:
    """The place at the exit is nothing that was put in."""
    for path, node in document.match("flows", "*", "order", "by"):
        flow = path[:2]
        expected = document.node((*flow, "expect"))
        passed_on = [str(name) for name, _ in expected.children()] if expected is not None else []
        sent = {_text(document, (*flow, "key")), *passed_on}
        if isinstance(node.value, str) and node.value in sent:
            yield document.problem(
                path,
                found=f"'{node.value}', which comes from the entry",
                expected="a field that the exit itself sets, such as a running number or the time of arrival",
            )


def _metrics(document: Document) -> Iterator[Problem]:
    for path in [("governance",), *(p for p, _ in document.match("governance", "metrics", "*"))]:
        name = _text(document, (*path, "metric"))
        yield from _metric_name(document, (*path, "metric"), name)
        for key in ("minimum", "maximum"):
            yield from _possible(document, (*path, key), name)
    for path, node in document.match("governance", "metrics", "*"):
        if isinstance(node.value, dict) and len({"minimum", "maximum"} & set(node.value)) != 1:
            yield document.problem(path, found="not exactly one limit", expected="either minimum or maximum")


def _metric_name(document: Document, path: TreePath, name: str) -> Iterator[Problem]:
    metric, at, threshold = name.partition("@")
    if not at:
        return
    try:
        share(threshold)
    except ValueError:
        if _base(metric) in _RATES and not threshold.isdigit():
            yield document.problem(path, expected=f"an operating point from 0 to 1, such as {metric}@0.5")


def _base(metric: str) -> str:
    return metric.partition("@")[0].lower().replace("_", "-")


def _possible(document: Document, path: TreePath, metric: str) -> Iterator[Problem]:
    node = document.node(path)
    if node is None or not document.present(path):
        return
    try:
        limit = number(node.value)
    except ValueError:
        return
    base = _base(metric)
    if base in _RATES and not 0 <= limit <= 1:
        yield document.problem(path, expected=f"a value from 0 to 1: {metric} is a rate")
    elif base in _RATES and limit == (0 if path[-1] == "minimum" else 1):
        yield document.problem(path, expected=f"a limit that {metric} can miss")
    elif base in _ERRORS and limit < 0:
        yield document.problem(path, expected=f"zero or more: {metric} is an error")


def _offline_rules(document: Document) -> Iterator[Problem]:
    kinds = {"metric": "below", "category": "above", "event": None, "freshness": "older_than", "heartbeat": None}
    for path, node in document.match("governance", "offline_when", "*"):
        if not isinstance(node.value, dict):
            continue
        given = [k for k in kinds if k in node.value]
        if len(given) != 1:
            yield document.problem(
                path,
                found=" and ".join(given) if given else "none of metric, category, event, freshness and heartbeat",
                expected="exactly one of metric, category, event, freshness and heartbeat",
            )
            continue
        limit = kinds[given[0]]
        if limit is not None and limit not in node.value:
            yield document.problem(path, found=f"'{given[0]}' without a limit", expected=f"the key '{limit}' beside it")
        if given[0] == "metric":
            yield from _possible_floor(document, path)
        yield from _window(document, (*path, "over"))
        yield from _frequency(document, (*path, "above"))


def _possible_floor(document: Document, path: TreePath) -> Iterator[Problem]:
    yield from _possible(document, (*path, "below"), _text(document, (*path, "metric")))


def _window(document: Document, path: TreePath) -> Iterator[Problem]:
    text = _text(document, path)
    if text and not _OVER.fullmatch(text) and not _parses(duration_s, text):
        yield document.problem(path, expected="a number of things or a duration, such as '500 labels' or 7d")


def _frequency(document: Document, path: TreePath) -> Iterator[Problem]:
    node = document.node(path)
    if node is None or not document.present(path):
        return
    if not _parses(rate_per_s, node.value) and not _parses(share, node.value):
        yield document.problem(path, expected="a rate or a share, such as '40 per day' or 5 %")


def _parses(parse: Callable[[object], object], value: object) -> bool:
    try:
        parse(value)
    except ValueError:
        return False
    return True


def _text(document: Document, path: TreePath) -> str:
    node = document.node(path)
    return node.value if node is not None and isinstance(node.value, str) and document.present(path) else ""


def _possible_ranges(document: Document) -> Iterator[Problem]:
    for path, _ in document.match("model", "inputs", "*"):
        yield from empty_range(document, path)


def _names_of_inputs(document: Document) -> Iterator[Problem]:
    yield from names_given_twice(document, "model", "inputs")


def names_given_twice(document: Document, *place: str) -> Iterator[Problem]:
    """Inputs at this place that people would not tell apart: two of one name, or one named as another's field is."""
    paths = [path for path, _ in document.match(*place, "*")]
    taken = {str(path[-1]): path[-1] for path in paths}
    for path in paths:
        name = _text(document, (*path, "name"))
        if name and taken.setdefault(name, path[-1]) != path[-1]:
            yield document.problem((*path, "name"), expected=f"a name that tells it from {taken[name]}")


def empty_range(document: Document, path: TreePath) -> Iterator[Problem]:
    """A field whose minimum is above its maximum."""
    low, high = document.node((*path, "minimum")), document.node((*path, "maximum"))
    if low is None or high is None:
        return
    try:
        empty = number(low.value) > number(high.value)
    except ValueError:
        return
    if empty:
        yield document.problem((*path, "minimum"), expected=f"at most the maximum, {high.shown()}")


def _drawing(document: Document) -> Iterator[Problem]:
    """Evaluation rows were drawn in one way, and the shares of strata make up the whole."""
    for path, node in document.match("data", "evaluation"):
        if not isinstance(node.value, dict):
            continue
        ways = [key for key in ("weight", "strata", "drawn") if document.present((*path, key))]
        for key in ways[1:]:
            yield document.problem((*path, key), expected=f"one way of drawing the rows; {ways[0]} is declared already")
    for path, node in document.match("data", "evaluation", "strata", "shares"):
        if isinstance(node.value, dict):
            shares = [share(each.value) for each in node.value.values()]
            if all(each is not None for each in shares) and abs(sum(each or 0.0 for each in shares) - 1.0) > _NEAR:
                yield document.problem(path, expected="shares that add up to 1")


def _callers(document: Document) -> Iterator[Problem]:
    """A caller has a name; a pattern that begins with a star would declare everybody."""
    for path, _ in document.match("inventory", "callers", "*"):
        if not str(path[-1]).strip("- ") or str(path[-1]).lstrip().startswith("*"):
            yield document.problem(path, expected="a caller's name, or a pattern that begins with one, such as erp/*")


_RULES: tuple[Rule, ...] = (
    _dangling,
    _feeds,
    _sources,
    _or_the_model,
    _load_sources,
    _landings,
    _own_deputy,
    _two_roles,
    people_disagreements,
    _one_model,
    _vendor,
    _chat,
    _flow_names,
    _flow_orders,
    _metrics,
    _offline_rules,
    _possible_ranges,
    _names_of_inputs,
    _drawing,
    _callers,
    integration_disagreements,
    key_range_disagreements,
    _outlets,
    stress_disagreements,
    adversarial_disagreements,
    chat_attack_disagreements,
)
