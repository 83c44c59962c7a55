"""The systems of the site, and their verdicts as the gate gives them: read here, never computed here."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from django.db.models import TextField
from django.db.models.functions import Cast
from django.http import Http404

from seatrial.app.deciding.deciding import decided_ahead, decided_now
from seatrial.app.folder.keeping import NotReadYet
from seatrial.app.folder.ledgers import KEEPING, leaves_long, may_decide, may_open, may_recall, read_ledger
from seatrial.app.folder.states import States, states
from seatrial.app.folder.workspace import ENVIRONMENT, Workspace, find_system_file, open_workspace
from seatrial.core.codec import CodecError, from_data, to_data
from seatrial.core.errors import Refused, SeatrialError
from seatrial.core.vocabulary import Answer, GateName
from seatrial.evidence.index import LONGEST_S, SHOWN_S
from seatrial.gate.gates import PRODUCTION
from seatrial.gate.verdict import Verdict
from seatrial.web.glimpses import Glimpse, Seen
from seatrial.web.language import _
from seatrial.web.models import Account, Glance, Registered
from seatrial.web.resting import key_of, look_up_soon


class Kept(NamedTuple):
    """Of a verdict that was decided: what it rests on, when it was decided, and until when the time changes nothing."""

    key: str
    made_at: datetime
    holds_until: datetime

    def holds(self, key: str, now: datetime) -> bool:
        """Whether it is the verdict of now on what `key` stands for; never before the time at which it was decided."""
        return self.key == key and self.made_at <= now < self.holds_until


class _Shown(NamedTuple):
    """A verdict that was decided, and what a list shows of it."""

    made: Kept
    verdict: Verdict
    glimpse: Glimpse


_Place = tuple[str, GateName]
"""A system file and a gate."""


def _place(system: Registered, workspace: Workspace) -> _Place:
    return system.path, workspace.gate.name


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
    found = Registered.objects.defer("added_at").order_by("slug")
    yield from found if account.admin else found.filter(memberships__account=account, memberships__listed=False)


def used_by(account: Account) -> Iterator[Registered]:
    """The systems of which the account is a user and nothing else, by name."""
    found = Registered.objects.order_by("slug")
    yield from found.filter(memberships__account=account, memberships__listed=True)


def surroundings() -> frozenset[tuple[str, str]]:
    """What the environment of this process holds now."""
    return frozenset(os.environ.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A workspace, with the files that it was read from and how they stood before that, where that is known."""

    workspace: Workspace
    around: frozenset[tuple[str, str]]
    files: tuple[str, ...]
    found: States | None

    def stands(self, around: frozenset[tuple[str, str]]) -> bool:
        """Whether it would be read as it was."""
        return self.found is not None and self.around == around and self.found == states(self.files)


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
    known = _opened.get(key)
    if known is None:
        may_open(system.slug, Path(system.path), gate)
    elif known.stands(around):
        return known.workspace
    files = () if known is None else known.files
    for _try in range(2):
        # Taken before it is read, so that what is written meanwhile is another state the next time.
        found = states(files)
        workspace = open_workspace(Path(system.path), gate=gate)
        read, files = files, _read_from(workspace)
        if read == files:
            break
        found = None
    _opened[key] = _Opened(workspace=workspace, around=around, files=files, found=found)
    return workspace


def _read_from(workspace: Workspace) -> tuple[str, ...]:
    named = str(workspace.system.governance.policy)
    return tuple(str(path) for path in (workspace.file, workspace.base / ENVIRONMENT, workspace.base / named))


_opened: dict[tuple[str, GateName], _Opened] = {}
"""System file and gate to the workspace that was read last."""
_shown: dict[_Place, _Shown] = {}
"""The NO-GO that was shown last: each `Glance` is read once."""
_ahead: dict[_Place, _Shown] = {}
"""The NO-GO that will hold from the next moment at which the time alone may change it."""
_asked: dict[_Place, _Shown] = {}
"""What hung on what was served when it was asked for last, for as long as a list shows it."""


def see(system: Registered, workspace: Workspace, kept: Kept | None = None) -> Seen:
    """The system with its verdict for a list, or with what keeps it from having one.

    Where somebody decides beside the page, what hangs on what is served was asked for up to `SHOWN_S` ago.
    """
    try:
        now, key = workspace.clock.now(), key_of(workspace)
        before = _before(system, workspace, key, now, kept)
        if before is None or not _still_reads(workspace, before.verdict):
            before = _asked_lately(system, workspace, key, now, kept) or _decide(system, workspace, key)
    except SeatrialError as error:
        return unseen(system, error)
    return Seen(system=system, verdict=before.glimpse)


def unseen(system: Registered, error: SeatrialError) -> Seen:
    """The system with what keeps it from having a verdict."""
    again = isinstance(error, NotReadYet)
    return Seen(system=system, verdict=None, problem=error.what, remedy=error.remedy, again=again)


def kept_verdicts() -> dict[int, Kept]:
    """What was decided last of each system, by its key in the site's database: in one read, for who asks for many."""
    made, until = (Cast(name, TextField()) for name in ("made_at", "holds_until"))
    found = Glance.objects.values_list("system_id", "key", made, until)
    return {system: Kept(key, _moment(made_at), _moment(holds_until)) for system, key, made_at, holds_until in found}


@lru_cache(maxsize=4096)
def _moment(text: str) -> datetime:
    """The time that a database spells so: hardly any is another one than a moment ago."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def verdict_of(system: Registered, workspace: Workspace, *, anew: bool = False) -> Verdict:
    """The verdict of now. A NO-GO on the same record and files is shown again while the time changes nothing of it.

    A GO never is: before it is said, what is served is asked for. What was decided of production readiness, at which
    everybody looks, all processes of the site share.
    """
    now, key = workspace.clock.now(), key_of(workspace)
    before = None if anew else _before(system, workspace, key, now, None)
    if before is not None and _still_reads(workspace, before.verdict):
        return replace(before.verdict, decided_at=now)
    return _decide(system, workspace, key).verdict


def _decide(system: Registered, workspace: Workspace, key: str) -> _Shown:
    may_decide(workspace)
    began, place = time.monotonic(), _place(system, workspace)
    decided = decided_now(workspace)
    verdict = decided.verdict
    _read_at[workspace.file, workspace.gate.name] = began
    shown = _Shown(Kept(key, verdict.decided_at, decided.holds_until), verdict, Glimpse.of(verdict))
    for kept in (_shown, _ahead, _asked):
        kept.pop(place, None)
    if verdict.verdict is not Answer.GO:
        _shown[place] = shown
    if verdict.verdict is Answer.GO or shown.made.holds_until <= shown.made.made_at:
        until = min(decided.served_until, verdict.decided_at + timedelta(seconds=SHOWN_S))
        _asked[place] = shown._replace(made=shown.made._replace(holds_until=until))
    elif leaves_long():
        # It holds, and is at hand here: whoever goes on beside the page keeps it for the others.
        KEEPING.ask(workspace.file, workspace.gate.name, compared=False)
        return shown
    _keep(system, workspace, shown)
    return shown


def _keep(system: Registered, workspace: Workspace, shown: _Shown) -> None:
    """Have it be what was decided last, for all processes of the site."""
    if workspace.gate is PRODUCTION:
        content = json.dumps(to_data(shown.verdict)).encode()
        Glance.objects.update_or_create(system=system, defaults={"verdict": content, **shown.made._asdict()})


def look_ahead(system: Registered, workspace: Workspace, within: timedelta) -> None:
    """Keep what holds now for all processes, and decide what will hold once the time may change it, where that is near.

    `within` is how near.
    """
    place, key, now = _place(system, workspace), key_of(workspace), workspace.clock.now()
    kept = _kept_last(system)
    shown = _before(system, workspace, key, now, kept)
    if shown is None:
        return
    if workspace.gate is PRODUCTION and shown.made != kept:
        _shown[place] = shown
        _keep(system, workspace, shown)
    ahead, moment = _ahead.get(place), shown.made.holds_until
    if moment - now > within or (ahead is not None and ahead.made[:2] == (key, moment)):
        return
    decided = decided_ahead(workspace, moment)
    if decided is not None:
        made = Kept(key, moment, decided.holds_until)
        _ahead[place] = _Shown(made, decided.verdict, Glimpse.of(decided.verdict))


def anew_each_time(system: Registered, workspace: Workspace) -> bool:
    """Whether nothing moved since a verdict that everybody who asks has decided anew, as GO is."""
    kept = _kept_last(system)
    return kept is not None and kept.holds_until <= kept.made_at and kept.key == key_of(workspace)


def _before(system: Registered, workspace: Workspace, key: str, now: datetime, kept: Kept | None) -> _Shown | None:
    """The NO-GO under that key that holds now, where neither this process nor another has decided since."""
    place = _place(system, workspace)
    here = [each for each in (_shown.get(place), _ahead.get(place)) if each is not None and each.made.holds(key, now)]
    if workspace.gate is PRODUCTION:
        kept = kept or _kept_last(system)
        if kept is not None and kept.holds(key, now):
            # What was decided here and is not kept for the others yet is newer than what is.
            same = next((each for each in here if each.made == kept or each.made.made_at > kept.made_at), None)
            return same or _read(system, workspace, kept)
        here = [each for each in here if kept is None or each.made.made_at >= kept.made_at]
    return here[-1] if here else None


def _asked_lately(
    system: Registered, workspace: Workspace, key: str, now: datetime, kept: Kept | None
) -> _Shown | None:
    """What was decided a moment ago with what was served then, where a page leaves that to somebody beside it."""
    asked = _asked.get(_place(system, workspace)) if leaves_long() else None
    if asked is None or not asked.made.holds(key, now):
        return None
    return None if kept is not None and kept.made_at > asked.made.made_at else asked


def _kept_last(system: Registered) -> Kept | None:
    last = Glance.objects.filter(system=system).values_list("key", "made_at", "holds_until").first()
    return None if last is None else Kept(*last)


def _read(system: Registered, workspace: Workspace, kept: Kept) -> _Shown | None:
    """The NO-GO that stands in the site's database as `kept` says."""
    may_recall(workspace)
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
    shown = _shown[_place(system, workspace)] = _Shown(kept, verdict, Glimpse.of(verdict))
    return shown


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
    look_up_soon(workspace)


_read_at: dict[tuple[Path, GateName], float] = {}
"""System file and gate to when its chain last read as its verdict says, in monotonic seconds."""
