"""Addresses and headers of a model as a person gives them, with `${NAME}` where the environment holds a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from seatrial.core.errors import Malformed, Refused

_REFERENCE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_HARMLESS: Final = frozenset({"accept", "content-type", "user-agent"})


def secrets_of(texts: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The values that the names in these texts stand for."""
    return [environment[name] for name in _REFERENCE.findall(" ".join(texts))]


def refuse_secrets(model: str, headers: Mapping[str, str]) -> None:
    """Raises Refused for a credential in the address or in a header that would end up in the file."""
    bare = [n for n, value in headers.items() if n.lower() not in _HARMLESS and not _REFERENCE.search(value)]
    if bare:
        raise Refused(
            f"the header {', '.join(bare)} would be written into the file with its value",
            remedy="Keep the value in the environment and name it: --header 'Authorization: Bearer ${MODEL_TOKEN}'.",
        )
    if "@" in model.partition("://")[2].partition("/")[0] and not _REFERENCE.search(model):
        raise Refused(
            "the model's address holds a credential, which would be written into the file",
            remedy="Keep the address in the environment and give its name: --model '${MODEL_URL}'.",
        )


def filled(text: str, environment: Mapping[str, str]) -> str:
    """The text with every `${NAME}` filled in. Raises Malformed for a name that is not set."""
    absent = [name for name in _REFERENCE.findall(text) if not environment.get(name)]
    if absent:
        raise Malformed(f"{', '.join(absent)} is not set in the environment", remedy="Set it, then try again.")
    return _REFERENCE.sub(lambda match: environment[match[1]], text)


def as_given(url: str, filled: str, given: str) -> str | None:
    """An address at or beside the model's, with the same `${NAME}` in it; None where it cannot be written like that."""
    if given == filled:
        return url
    if url.startswith(filled):
        return given + url.removeprefix(filled)
    base_given, base_filled = given.rpartition("/")[0], filled.rpartition("/")[0]
    if base_given and url.startswith(base_filled):
        return base_given + url.removeprefix(base_filled)
    return None


def address_as_given(url: str, filled: str, given: str) -> str:
    """The same, where it must be found. Raises Malformed."""
    found = as_given(url, filled, given)
    if found is None:
        raise Malformed(
            "the model answers under another address than the environment holds",
            remedy="Give the base address from the environment and the path in plain: --model '${MODEL_URL}/predict'.",
        )
    return found
