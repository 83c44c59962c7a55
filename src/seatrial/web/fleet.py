"""The systems of the site, and their verdicts as the gate gives them: read here, never computed here."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from django.http import Http404
from django.utils import timezone

from seatrial.app.called import called_files
from seatrial.app.deciding import decide_now
from seatrial.app.ledgers import head_of
from seatrial.app.workspace import CHECKPOINTS, ENVIRONMENT, TRUST, Workspace, find_system_file, open_workspace
from seatrial.core.codec import CodecError, from_data, to_data
from seatrial.core.errors import Refused, SeatrialError
from seatrial.core.vocabulary import Answer, GateName
from seatrial.gate.gates import PRODUCTION
from seatrial.gate.verdict import Verdict
from seatrial.spec.subject import referenced_files
from seatrial.web.language import _
from seatrial.web.models import Account, Glance, Registered

_TICK_S = 0.1
FRESH = timedelta(minutes=5)
"""A verdict depends on the time too: leases end. So long one is shown as it was computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A system as the fleet shows it: its verdict, or why there is none."""

    system: Registered
    verdict: Verdict | None
    problem: str = ""
    remedy: str = ""

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


def workspace_of(system: Registered, gate: GateName = GateName.PRODUCTION_READINESS) -> Workspace:
    """The workspace behind it, at a gate. Raises SeatrialError, for a file that is broken or gone."""
    key = system.path, gate
    before, workspace = _opened.get(key, (None, None))
    # Taken before it is read, so that what is written meanwhile is another state the next time.
    state = None if workspace is None else _state(workspace)
    if workspace is None or state is None or state != before:
        workspace = open_workspace(Path(system.path), gate=gate)
        _opened[key] = state, workspace
    return workspace


def _state(workspace: Workspace) -> tuple[object, ...] | None:
    """What a workspace is read from, as it stands on disk; None where something was written just now."""
    named = workspace.system.governance.policy
    found: list[object] = [frozenset(os.environ.items())]
    for path in (workspace.file, workspace.base / ENVIRONMENT, workspace.base / str(named)):
        try:
            there = path.stat()
        except OSError:
            found.append(None)
            continue
        if there.st_mtime > time.time() - _TICK_S:
            return None
        found.append((there.st_ino, there.st_size, there.st_mtime_ns, there.st_ctime_ns))
    return tuple(found)


_opened: dict[tuple[str, GateName], tuple[tuple[object, ...] | None, Workspace]] = {}
"""System file and gate to the workspace that was read last, and how its files stood before that."""
_shown: dict[str, tuple[str, datetime, Verdict]] = {}
"""System file to the NO-GO that was shown last, with its key and when it was made: each `Glance` is read once."""


def see(system: Registered, workspace: Workspace) -> Seen:
    """The system with its verdict, or with what keeps it from having one."""
    try:
        return Seen(system=system, verdict=verdict_of(system, workspace))
    except SeatrialError as error:
        return Seen(system=system, verdict=None, problem=error.what, remedy=error.remedy)


def verdict_of(system: Registered, workspace: Workspace, *, anew: bool = False) -> Verdict:
    """The verdict of now. A NO-GO of a moment ago on the same record and files is shown again, a GO never.

    Only the verdict of production readiness, at which everybody looks, is kept.
    """
    if workspace.gate is not PRODUCTION:
        return decide_now(workspace)
    key = _key(workspace)
    before = None if anew else _before(system, key)
    if before is not None:
        return before
    verdict, now = decide_now(workspace), timezone.now()
    kept = {"key": key, "verdict": json.dumps(to_data(verdict)).encode(), "made_at": now}
    Glance.objects.update_or_create(system=system, defaults=kept)
    if verdict.verdict is not Answer.GO:
        _shown[system.path] = key, now, verdict
    return verdict


def _before(system: Registered, key: str) -> Verdict | None:
    """The NO-GO of a moment ago under that key, where neither this process nor another has decided since."""
    found = Glance.objects.filter(system=system, key=key, made_at__gt=timezone.now() - FRESH)
    made_at = found.values_list("made_at", flat=True).first()
    shown = _shown.get(system.path)
    if made_at is not None and shown is not None and shown[:2] == (key, made_at):
        return shown[2]
    known = found.first()
    if known is None:
        return None
    try:
        verdict = from_data(Verdict, json.loads(bytes(known.verdict)))
    except (CodecError, ValueError):
        known.delete()
        return None
    if verdict.verdict is Answer.GO:
        return None
    _shown[system.path] = key, known.made_at, verdict
    return verdict


def _key(workspace: Workspace) -> str:
    """Changes with anything that a verdict rests on, but for the time and what a probe would find."""
    head = head_of(workspace)
    outside = [workspace.environment.get(name, "") for name in (TRUST, CHECKPOINTS)]
    parts = [workspace.digest, str(head), *outside]
    called = [path for paths in called_files(workspace).values() for path in paths]
    for path in (*referenced_files(workspace.system), *called, ENVIRONMENT, *(each for each in outside if each)):
        try:
            state = (workspace.base / path).stat()
        except OSError:
            parts.append(f"{path} absent")
        else:
            parts.append(f"{path} {state.st_mtime_ns} {state.st_ctime_ns} {state.st_size}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
