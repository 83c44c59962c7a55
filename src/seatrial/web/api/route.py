"""What the API consists of: addresses, what may be asked at each, by whom, and what is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.http import HttpRequest

from seatrial.app.folder.workspace import Workspace
from seatrial.core.observation import Json
from seatrial.gate.permissions import Action
from seatrial.web.access import Program, SiteAction, Visitor
from seatrial.web.models import Account, Registered

Schema = Mapping[str, Json]
NONE: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request by somebody who may make it: `given` is the body, `asked` the parameters in the address."""

    request: HttpRequest
    account: Account | None
    given: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside(Call):
    """One about a system."""

    who: Visitor | Program
    system: Registered
    workspace: Workspace

    @property
    def person(self) -> str | None:
        """The declared person who asks; None for a program, a user and an administrator."""
        return self.who.person if isinstance(self.who, Visitor) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is answered. `stamp` is what an ETag is made of where the content says when it was computed."""

    content: Json
    status: int = 200
    location: str = ""
    stamp: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Many of a kind, of which a page is answered: `some(start, end)` are those between two places."""

    total: int
    some: Callable[[int, int], list[Json]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One in the address behind the question mark."""

    name: str
    schema: Schema
    says: str
    default: Json = None


def choice(name: str, values: Iterable[str], says: str) -> Parameter:
    """One that may be left out, and else is one of some words."""
    return Parameter(name=name, schema={"enum": [*values, None]}, says=says)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method at an address.

    `action` is what `allowed` is asked about; None where everybody signed in may. `item` says that many are answered,
    page by page, each of that schema; else `answer` is the schema. `takes` is that of a JSON body, `raw` the types of a
    body that is read as it comes, of at most `most_bytes`.
    """

    summary: str
    handle: Callable[..., Reply | Listed]
    action: SiteAction | Action | None
    answer: Schema = field(default_factory=dict)
    item: Schema | None = None
    status: int = 200
    also: Mapping[int, str] = field(default_factory=dict)
    """Other answers of the same shape, by what they mean."""
    asks: tuple[Parameter, ...] = ()
    takes: Schema | None = None
    raw: tuple[str, ...] = ()
    most_bytes: int = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An address below /api/v1/ as Django spells it, with what may be asked there by method."""

    name: str
    path: str
    about: str
    operations: Mapping[str, Operation]
    variables: Mapping[str, str] = field(default_factory=dict)
    """What the parts of the path in angle brackets mean."""
    inside: bool = True
    """Whether it is about one system."""
    public: bool = False
    """Whether it is answered to everybody."""

    @property
    def address(self) -> str:
        """The whole path as Django spells it."""
        return f"api/v1/systems/<slug:slug>/{self.path}" if self.inside else f"api/v1/{self.path}"
