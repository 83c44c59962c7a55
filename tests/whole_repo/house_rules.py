"""What import contracts cannot see, read from the syntax tree of every module."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PURE = ("core", "stats", "spec", "gate")
PICKLES = {"pickle", "joblib", "cloudpickle", "dill", "marshal", "shelve"}
HTTP_CLIENTS = {"urllib.request", "http.client", "requests", "httpx", "aiohttp.client"}
HTTP_ROOMS = ("adapters/http.py", "adapters/load/", "examples/")
INPUT_OUTPUT_CALLS = {"open", "input", "print", "exec", "eval", "__import__", "breakpoint"}
INPUT_OUTPUT_MODULES = {
    "os",
    "pathlib",
    "shutil",
    "tempfile",
    "socket",
    "subprocess",
    "urllib.request",
    "logging",
}
CLOCK_READS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter"}
NAMELESS = {"utils", "util", "helpers", "common", "misc", "manager", "base", "legacy"}


@dataclass(frozen=True, slots=True, order=True)
class Breach:
    """One place where a rule of the house is broken."""

    place: str
    line: int
    rule: str


def breaches(package: Path) -> list[Breach]:
    """Every breach in the package at `package` (the folder `seatrial`)."""
    return sorted(b for path in package.rglob("*.py") for b in _breaches_of(path, path.relative_to(package).as_posix()))


def _breaches_of(path: Path, place: str) -> Iterator[Breach]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    room = place.split("/", maxsplit=1)[0]
    if path.stem in NAMELESS:
        yield Breach(place, 1, "a name that says nothing")
    for node in ast.walk(tree):
        for name in _imported(node):
            yield from _import_breaches(name, node, place, room)
        if isinstance(node, ast.Call):
            yield from _call_breaches(node, place, room)
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and room != "engine":
            yield Breach(place, node.lineno, "a broad except outside the engine's boundary")
    for statement in tree.body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and path.stem != "__main__":
            yield Breach(place, statement.lineno, "importing has an effect")


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def _import_breaches(name: str, node: ast.AST, place: str, room: str) -> Iterator[Breach]:
    line = getattr(node, "lineno", 0)
    root = name.split(".", maxsplit=1)[0]
    if room == "core" and root not in sys.stdlib_module_names and root != "seatrial":
        yield Breach(place, line, f"core uses the standard library only, not {root}")
    if root in PICKLES:
        yield Breach(place, line, f"nothing foreign is unpickled: {root}")
    if name in HTTP_CLIENTS and not place.startswith(HTTP_ROOMS):
        yield Breach(place, line, f"outgoing HTTP has one door: {name}")
    if room in PURE and name in INPUT_OUTPUT_MODULES:
        yield Breach(place, line, f"{room} does no input or output: {name}")
    if root == "apprise" and not place.startswith("adapters/pagers/"):
        yield Breach(place, line, "pages leave through adapters/pagers only")
    if name.startswith("cryptography.hazmat.primitives.asymmetric") and not place.startswith(
        ("adapters/signers/", "evidence/")
    ):
        yield Breach(place, line, "keys live in adapters/signers")


def _call_breaches(node: ast.Call, place: str, room: str) -> Iterator[Breach]:
    if isinstance(node.func, ast.Name) and node.func.id in INPUT_OUTPUT_CALLS:
        name = node.func.id
        if room in PURE or (room == "domains" and name != "open") or name in {"eval", "exec", "breakpoint"}:
            yield Breach(place, node.lineno, f"{room} does not call {name}()")
    if room in {"gate", "stats", "spec"} and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_READS:
        owner = node.func.value
        if isinstance(owner, ast.Name) and owner.id in {"datetime", "date", "time"}:
            yield Breach(place, node.lineno, f"{room} reads no clock: {owner.id}.{node.func.attr}()")


def _is_broad(node: ast.ExceptHandler) -> bool:
    return node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})
