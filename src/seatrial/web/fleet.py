"""The systems of the site, and their verdicts as the gate gives them: read here, never computed here."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from django.http import Http404

import seatrial
from seatrial.app.deciding.deciding import decided_now
from seatrial.app.folder.called import called_files
from seatrial.app.folder.catalogue import checks
from seatrial.app.folder.keeping import NotReadYet
from seatrial.app.folder.ledgers import head_of, may_decide, may_open, read_ledger, trust_files
from seatrial.app.folder.states import states
from seatrial.app.folder.workspace import CHECKPOINTS, ENVIRONMENT, TRUST, Workspace, find_system_file, open_workspace
from seatrial.core.codec import CodecError, from_data, to_data
from seatrial.core.errors import Refused, SeatrialError
from seatrial.core.vocabulary import Answer, GateName
from seatrial.evidence.index import LONGEST_S
from seatrial.gate.gates import PRODUCTION
from seatrial.gate.verdict import Verdict
from seatrial.spec.subject import referenced_files
from seatrial.web.language import _
from seatrial.web.models import Account, Glance, Registered

_LOOKED_UP_S = 300.0
"""So long what the steps call is not looked up again."""


class Kept(NamedTuple):
    """Of a verdict that was decided: what it rests on, when it was decided, and until when the time changes nothing."""

    key: str
    made_at: datetime
    holds_until: datetime

    def holds(self, key: str, now: datetime) -> bool:
        """Whether it is the verdict of now on what `key` stands for; never before the time at which it was decided."""
        return self.key == key and self.made_at <= now < self.holds_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A system as the fleet shows it: its verdict, or why there is none."""

    system: Registered
    verdict: Verdict | None
    problem: str = ""
    remedy: str = ""
    again: bool = False
    """Whether there will be a verdict in a moment."""

    @property
    def go(self) -> bool:
        """Whether the answer is GO."""
        return self.verdict is not None and self.verdict.verdict is Answer.GO

    def days_to_go_live(self, today: date) -> int | None:
        """Days to the planned go-live, None where none is planned."""
        planned = None if self.verdict is None else self.verdict.timeline.planned_go_live
        return None if planned is None else (planned - today).days


def register(path: Path) -> Registered:
    """Add the system that stands there, or find it where it was added. Raises SeatrialError."""
    file = find_system_file(path).resolve()
    slug = open_workspace(file).system.system
    there = Registered.objects.filter(path=str(file)).first()
    named = Registered.objects.filter(slug=slug).first()
    if named is not None and named != there:
        raise Refused(
            _("another system here is called %(slug)s: %(path)s", slug=slug, path=named.path),
            remedy=_("Give one of them another name in its file."),
        )
    if there is None:
        return Registered.objects.create(slug=slug, path=str(file))
    if there.slug != slug:
        there.slug = slug
        there.save(update_fields=["slug"])
    return there


def registered(slug: str) -> Registered:
    """The system of that name. Raises Http404."""
    found = Registered.objects.filter(slug=slug).first()
    if found is None:
        raise Http404(f"no system {slug}")
    return found


def systems_of(account: Account) -> Iterator[Registered]:
    """The systems to which the account was invited as one of their people, by name; all for an administrator."""
    found = Registered.objects.order_by("slug")
    yield from found if account.admin else found.filter(memberships__account=account, memberships__listed=False)


def used_by(account: Account) -> Iterator[Registered]:
    """The systems of which the account is a user and nothing else, by name."""
    found = Registered.objects.order_by("slug")
    yield from found.filter(memberships__account=account, memberships__listed=True)


def surroundings() -> frozenset[tuple[str, str]]:
    """What the environment of this process holds now."""
    return frozenset(os.environ.items())


def workspace_of(
    system: Registered,
    gate: GateName = GateName.PRODUCTION_READINESS,
    around: frozenset[tuple[str, str]] | None = None,
) -> Workspace:
    """The workspace behind it, at a gate. Raises SeatrialError, for a file that is broken or gone.

    `around` are the `surroundings`, for who asks for many.
    """
    around = surroundings() if around is None else around
    key = system.path, gate
    before, workspace = _opened.get(key, (None, None))
    # Taken before it is read, so that what is written meanwhile is another state the next time.
    state = None if workspace is None else _state(workspace, around)
    if workspace is None:
        may_open(system.slug, Path(system.path), gate)
    if workspace is None or state is None or state != before:
        workspace = open_workspace(Path(system.path), gate=gate)
        _opened[key] = state, workspace
    return workspace


def _state(workspace: Workspace, around: frozenset[tuple[str, str]]) -> tuple[object, ...] | None:
    """What a workspace is read from, as it stands on disk; None where something was written just now."""
    named = str(workspace.system.governance.policy)
    found = states((workspace.file, workspace.base / ENVIRONMENT, workspace.base / named))
    return None if found is None else (around, found)


_opened: dict[tuple[str, GateName], tuple[tuple[object, ...] | None, Workspace]] = {}
"""System file and gate to the workspace that was read last, and how its files stood before that."""
_shown: dict[tuple[str, GateName], tuple[Kept, Verdict]] = {}
"""System file and gate to the NO-GO that was shown last: each `Glance` is read once."""


def see(system: Registered, workspace: Workspace, kept: Kept | None = None) -> Seen:
    """The system with its verdict, or with what keeps it from having one."""
    try:
        return Seen(system=system, verdict=verdict_of(system, workspace, kept=kept))
    except SeatrialError as error:
        return unseen(system, error)


def unseen(system: Registered, error: SeatrialError) -> Seen:
    """The system with what keeps it from having a verdict."""
    again = isinstance(error, NotReadYet)
    return Seen(system=system, verdict=None, problem=error.what, remedy=error.remedy, again=again)


def kept_verdicts() -> dict[int, Kept]:
    """What was decided last of each system, by its key in the site's database: in one read, for who asks for many."""
    found = Glance.objects.values_list("system_id", "key", "made_at", "holds_until")
    return {system: Kept(*known) for system, *known in found}


def verdict_of(system: Registered, workspace: Workspace, *, anew: bool = False, kept: Kept | None = None) -> Verdict:
    """The verdict of now. A NO-GO on the same record and files is shown again while the time changes nothing of it.

    A GO never is: before it is said, what is served is asked for. What was decided of production readiness, at which
    everybody looks, all processes of the site share; `kept` is the system's one of `kept_verdicts`.
    """
    now, key = workspace.clock.now(), _key(workspace)
    before = None if anew else _before(system, workspace, key, now, kept)
    if before is not None and _still_reads(workspace, before):
        return replace(before, decided_at=now)
    may_decide(workspace)
    began = time.monotonic()
    decided = decided_now(workspace)
    verdict = decided.verdict
    _read_at[workspace.file, workspace.gate.name] = began
    made = Kept(key, verdict.decided_at, decided.holds_until)
    if workspace.gate is PRODUCTION:
        content = json.dumps(to_data(verdict)).encode()
        Glance.objects.update_or_create(system=system, defaults={"verdict": content, **made._asdict()})
    place = system.path, workspace.gate.name
    _shown.pop(place, None)
    if verdict.verdict is not Answer.GO:
        _shown[place] = made, verdict
    return verdict


def anew_each_time(system: Registered, workspace: Workspace) -> bool:
    """Whether nothing moved since a verdict that everybody who asks has decided anew, as GO is."""
    last = Glance.objects.filter(system=system).values_list("key", "made_at", "holds_until").first()
    kept = None if last is None else Kept(*last)
    return kept is not None and kept.holds_until <= kept.made_at and kept.key == _key(workspace)


def _before(system: Registered, workspace: Workspace, key: str, now: datetime, kept: Kept | None) -> Verdict | None:
    """The NO-GO under that key that holds now, where neither this process nor another has decided since."""
    place = system.path, workspace.gate.name
    made, shown = _shown.get(place, (None, None))
    if workspace.gate is not PRODUCTION:
        return shown if made is not None and made.holds(key, now) else None
    if kept is None:
        last = Glance.objects.filter(system=system).values_list("key", "made_at", "holds_until").first()
        kept = None if last is None else Kept(*last)
    if kept is None or not kept.holds(key, now):
        return None
    return shown if made == kept else _read(system, kept)


def _read(system: Registered, kept: Kept) -> Verdict | None:
    """The NO-GO that stands in the site's database as `kept` says."""
    known = Glance.objects.filter(system=system, **kept._asdict()).first()
    if known is None:
        return None
    try:
        verdict = from_data(Verdict, json.loads(bytes(known.verdict)))
    except (CodecError, ValueError):
        known.delete()
        return None
    if verdict.verdict is Answer.GO:
        return None
    _shown[system.path, PRODUCTION.name] = kept, verdict
    return verdict


def _still_reads(workspace: Workspace, verdict: Verdict) -> bool:
    """Whether the chain reads as it did for the verdict, where that was last looked at five minutes ago."""
    place = workspace.file, workspace.gate.name
    if time.monotonic() - _read_at.get(place, -float("inf")) > LONGEST_S:
        began = time.monotonic()
        try:
            state = read_ledger(workspace, quick=True).state
        except NotReadYet:
            # It is read beside the page, which then tells. What is shown meanwhile is a NO-GO on the same head.
            return True
        if (state.head, state.problems) != (verdict.ledger_head, verdict.ledger_problems):
            return False
        _read_at[place] = began
    return True


def look_again(workspace: Workspace) -> None:
    """Have what must be looked at again soon looked at again the next time that the verdict is asked for."""
    place, now = (workspace.file, workspace.gate.name), time.monotonic()
    if now - _read_at.get(place, now) > LONGEST_S / 2:
        _read_at.pop(place, None)
    known = _named.get(place)
    if known is not None and now - known.at > _LOOKED_UP_S / 2:
        _named.pop(place, None)


_read_at: dict[tuple[Path, GateName], float] = {}
"""System file and gate to when its chain last read as its verdict says, in monotonic seconds."""


def _key(workspace: Workspace) -> str:
    """Changes with anything that a verdict rests on, but for the time and what a probe would find."""
    known = _rests_on(workspace)
    found = states((*known.files, *trust_files(workspace)))
    # What was written just now may be written again without showing: such a key is like no other.
    told = (known.digest, str(head_of(workspace)), found or uuid4().hex)
    return hashlib.sha256(repr(told).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _RestsOn:
    """What a verdict on a workspace rests on: its files by path, and a digest over all that stands in no such file."""

    workspace: Workspace
    at: float
    files: tuple[str, ...]
    digest: str


def _rests_on(workspace: Workspace) -> _RestsOn:
    """What the steps call is looked up again after five minutes."""
    place = workspace.file, workspace.gate.name
    known = _named.get(place)
    if known is None or known.workspace is not workspace or time.monotonic() - known.at > _LOOKED_UP_S:
        outside = [path for name in (TRUST, CHECKPOINTS) if (path := workspace.environment.get(name))]
        called = [path for paths in called_files(workspace).values() for path in paths]
        named = (*referenced_files(workspace.system), *called, ENVIRONMENT, *outside)
        files = tuple(str(workspace.base / path) for path in named)
        around = sorted(workspace.environment.items())
        told = (product(), workspace.digest, workspace.gate.name.value, around, files)
        digest = hashlib.sha256(repr(told).encode()).hexdigest()
        known = _RestsOn(workspace=workspace, at=time.monotonic(), files=files, digest=digest)
        _named[place] = known
    return known


@cache
def product() -> str:
    """What decides: the product as it is installed here, and the checks that it has."""
    sources = sorted(str(path) for path in Path(seatrial.__file__).parent.rglob("*.py"))
    found = [(check.id, check.version) for check in checks()]
    return hashlib.sha256(repr((sources, states(sources) or uuid4().hex, found)).encode()).hexdigest()


_named: dict[tuple[Path, GateName], _RestsOn] = {}
"""System file and gate to what a verdict rests on, as it was looked up last."""
