"""What must agree in `integrations`: each end has what its kind needs, and nothing that means nothing there.

Addresses are left alone: they may hold secrets, and the adapters check them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from seatrial.spec.problem import Problem
from seatrial.spec.tree import Document, Node, TreePath

_BROKERS = ("mqtt", "amqp", "kafka")
REMOVABLE = ("http", "sql", "postgresql", "mysql", "mariadb", "sqlite", "files", "sftp")
"""Kinds from which records can be taken away again."""
_BELONGS: Mapping[str, tuple[str, ...]] = {
    "topic": ("mqtt", "kafka"),
    "qos": ("mqtt",),
    "retain": ("mqtt",),
    "exchange": ("amqp",),
    "routing_key": ("amqp",),
    "queue": ("amqp",),
    "payload": (*_BROKERS, "webhook"),
    "listen_for": ("mqtt", "amqp", "webhook", "opcua"),
    "openapi": ("http",),
    "wsdl": ("soap",),
    "arguments": ("soap",),
    "opcua": ("opcua",),
    "format": ("files", "sftp"),
    "share": ("files",),
    "known_hosts": ("sftp",),
    "fingerprint": ("sftp",),
    "private_key": ("sftp",),
    "remove": REMOVABLE,
}
_WITHOUT_SERVER = ("files", "sqlite")
_LISTENED_AT = re.compile(r":\d+\s*$")
_ASKED_OF_A_WINDOW = ("window", "approved_by", "remove")
_FORMS: Mapping[str, tuple[str, ...]] = {
    "delimiter": ("csv",),
    "quote": ("csv",),
    "decimal": ("csv", "fixed-width"),
    "numbers": ("csv", "fixed-width"),
    "columns": ("fixed-width",),
    "encoding": ("csv", "json-lines", "json", "fixed-width"),
}
_NARROWEST = 1
_ENDS = ("test", "production")
_USES = ("read", "write", "observe")


def integration_disagreements(document: Document) -> Iterator[Problem]:
    """Everything in `integrations` that contradicts something else, or cannot be done."""
    for path, node in document.match("integrations", "*"):
        kind = _text(node, "kind")
        if not isinstance(node.value, dict) or not kind:
            continue
        if kind not in _BELONGS["topic"] and document.present((*path, "topic")):
            yield _foreign(document, (*path, "topic"), kind)
        for which in _ENDS:
            end = node.value.get(which)
            if end is not None and isinstance(end.value, dict) and document.present((*path, which)):
                yield from _of_end(document, (*path, which), end, kind)


def _of_end(document: Document, path: TreePath, end: Node, kind: str) -> Iterator[Problem]:
    given = set(end.value) if isinstance(end.value, dict) else set()
    for key, kinds in _BELONGS.items():
        if key in given and kind not in kinds:
            yield _foreign(document, (*path, key), kind)
    yield from _of_line(document, path, given, kind)
    yield from _of_window(document, path, end, given)
    topics = document.present((*path[:-1], "topic")) or given & {"topic", *_USES}
    if kind in _BELONGS["topic"] and not topics:
        yield document.problem(path, found="no topic", expected=f"the key 'topic', which an end of kind '{kind}' needs")
    if kind == "amqp" and not given & {"exchange", "queue"}:
        yield document.problem(
            path, found="no exchange", expected="the key 'exchange', or 'queue' where records are only written"
        )
    if kind == "sftp" and len(given & {"known_hosts", "fingerprint"}) != 1:
        expected = "the key 'known_hosts' or 'fingerprint': a server that is not recognised is sent no password"
        yield document.problem(path, found="not exactly one way to recognise the server", expected=expected)
    if kind == "opcua" and "opcua" not in given:
        yield document.problem(path, found="no nodes", expected="the key 'opcua', with the nodes of a record")
    yield from _of_nodes(document, (*path, "opcua"))
    yield from _of_format(document, (*path, "format"))
    if kind == "webhook" and _is_true(end, "writable"):
        expected = "nothing to write to: at a webhook records come from the tested system"
        yield document.problem((*path, "writable"), expected=expected)
    if _is_true(end, "writable") and kind in _BELONGS["topic"]:
        places = ((*path, "write"), (*path, "topic"), (*path[:-1], "topic"))
        written = next((place for place in places if document.present(place)), None)
        node = document.node(written) if written is not None else None
        if written is not None and node is not None and set(str(node.value)) & {"+", "#"}:
            expected = "a topic without wildcards to write to, since an end of it is writable"
            yield document.problem(written, expected=expected)


def _of_line(document: Document, path: TreePath, given: set[str], kind: str) -> Iterator[Problem]:
    if kind not in _WITHOUT_SERVER or "via" not in given or "share" in given:
        return
    if kind == "sqlite":
        yield document.problem(
            (*path, "via"), at_key=True, found="a line to 'sqlite'", expected="a kind that is reached over TCP"
        )
        return
    via = document.node((*path, "via"))
    if via is not None and _LISTENED_AT.search(str(via.value)):
        yield document.problem(
            (*path, "via"),
            expected="the path of a link to the folder, or the key 'share' beside it: where the server of a mount is",
        )


def _of_nodes(document: Document, path: TreePath) -> Iterator[Problem]:
    nodes = document.node((*path, "nodes"))
    if nodes is None or not isinstance(nodes.value, dict) or not document.present(path):
        return
    names = tuple(map(str, nodes.value))
    for key in ("times", "statuses"):
        node = document.node((*path, key))
        for name, of in node.children() if node is not None else ():
            place = (*path, key, name)
            if isinstance(of.value, str) and of.value not in names:
                yield document.problem(place, expected="one of the nodes' fields", word=of.value, candidates=names)
            if name in names:
                expected = "another name: a node's field has it already"
                yield document.problem(place, at_key=True, found=f"the field '{name}'", expected=expected)


def _of_format(document: Document, path: TreePath) -> Iterator[Problem]:
    node = document.node(path)
    if node is None or not isinstance(node.value, dict) or not document.present(path):
        return
    kind = _text(node, "kind")
    for key, kinds in _FORMS.items():
        if kind and key in node.value and kind not in kinds:
            expected = f"it only in files of {' or '.join(map(repr, kinds))}"
            found = f"the key '{key}' in files of '{kind}'"
            yield document.problem((*path, key), at_key=True, found=found, expected=expected)
    yield from _of_columns(document, path, node, kind)


def _of_columns(document: Document, path: TreePath, form: Node, kind: str) -> Iterator[Problem]:
    columns = form.child("columns")
    if columns is None or not isinstance(columns.value, dict) or not columns.value:
        if kind == "fixed-width":
            yield document.problem(path, found="no columns", expected="the key 'columns', each with its width")
        return
    if not kind:
        yield document.problem((*path, "columns"), at_key=True, expected="the key 'kind: fixed-width' beside it")
    for name, width in columns.value.items():
        if isinstance(width.value, int) and width.value < _NARROWEST:
            yield document.problem((*path, "columns", name), expected="a width of at least one character")
    numbers = form.child("numbers")
    for at, number in numbers.children() if numbers is not None else ():
        if isinstance(number.value, str) and number.value not in columns.value:
            names = tuple(map(str, columns.value))
            place = (*path, "numbers", at)
            yield document.problem(place, expected="one of the columns", word=number.value, candidates=names)


def _of_window(document: Document, path: TreePath, end: Node, given: set[str]) -> Iterator[Problem]:
    """Production is written to only in a window that somebody approved, and from which everything is taken back."""
    if "remove" in given and not _is_true(end, "writable"):
        expected = "'writable: true' beside it: removing is writing"
        yield document.problem((*path, "remove"), at_key=True, found="no 'writable: true'", expected=expected)
    if path[-1] == "test":
        for key in sorted({"window", "approved_by"} & given):
            yield document.problem(
                (*path, key), at_key=True, found=f"the key '{key}'", expected="it only at production"
            )
    elif _is_true(end, "writable"):
        for key in sorted(set(_ASKED_OF_A_WINDOW) - given):
            expected = f"the key '{key}' beside it: production is written to only in an approved window"
            yield document.problem((*path, "writable"), found=f"no '{key}'", expected=expected)
        if _is_true(end, "read_only"):
            yield document.problem((*path, "read_only"), expected="one of 'writable' and 'read_only'")


def _foreign(document: Document, path: TreePath, kind: str) -> Problem:
    kinds = " or ".join(f"'{each}'" for each in _BELONGS[str(path[-1])])
    expected = f"it only in an integration of {kinds}"
    return document.problem(path, at_key=True, found=f"the key '{path[-1]}' in kind '{kind}'", expected=expected)


def _text(node: Node, key: str) -> str:
    inner = node.value.get(key) if isinstance(node.value, dict) else None
    return inner.value if inner is not None and isinstance(inner.value, str) else ""


def _is_true(node: Node, key: str) -> bool:
    inner = node.value.get(key) if isinstance(node.value, dict) else None
    return inner is not None and inner.value is True
