"""Asks what is served now: the model, the servers of the integrations, and the databases that hold data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from seatrial.app.folder.answers import Kept, recognised
from seatrial.app.folder.ledgers import keystore, known, open_ledger, read_ledger, record
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.subject import MODEL, Identities, answers_on_record
from seatrial.app.folder.workspace import Workspace
from seatrial.core.errors import SeatrialError
from seatrial.core.vocabulary import RecordType


def probe(workspace: Workspace, *, fresh: bool = False) -> Identities:
    """What each tells of itself; what does not answer is unknown, with its reason.

    A vendor's model is asked at most once a day, unless `fresh`: the gate asks anew before it says GO. A model that
    answers otherwise than on record under the version that it tells is another one.
    """
    found: dict[str, str] = {}
    unknown: dict[str, str] = {}
    with Outside(workspace, fresh=fresh) as outside:
        for part, ask in _probes(workspace, outside):
            try:
                found[part] = ask()
            except SeatrialError as error:
                unknown[part] = outside.redact(". ".join(filter(None, (error.what, error.remedy))))
        answers = _answers(workspace, outside, found[MODEL], keep=not fresh) if MODEL in found else None
    if answers is not None:
        found[MODEL] = answers.identity
    return Identities(found=found, unknown=unknown, at=workspace.clock.now(), answers=answers)


def _answers(workspace: Workspace, outside: Outside, told: str, *, keep: bool) -> Kept | None:
    on_record = answers_on_record(read_ledger(workspace, quick=True).evidence, told)
    return recognised(workspace, outside, told, on_record, keep=keep)


def record_probe(workspace: Workspace) -> Identities:
    """Ask, and put on record what is served: people can then answer for exactly that."""
    identities = probe(workspace)
    with open_ledger(workspace) as ledger:
        signer = known(workspace, keystore(workspace).worker())
        record(ledger, signer, workspace, RecordType.EVENT, identities.body())
    return identities


def _probes(workspace: Workspace, outside: Outside) -> Iterator[tuple[str, Callable[[], str]]]:
    system, data = workspace.system, workspace.system.data
    yield MODEL, lambda: outside.model.identity()  # noqa: PLW0108 - opening the model may fail, and must do so inside
    for name in system.integrations:
        yield f"integration.{name}", partial(_version, outside, name)
    for name, source in (("training", data.training), ("evaluation", data.evaluation), ("live", data.live)):
        if source is not None and "://" in source.source:
            yield f"data.{name}", partial(_content, outside, name)


def _version(outside: Outside, name: str) -> str:
    return outside.integration(name).version()


def _content(outside: Outside, name: str) -> str:
    return outside.table(name).digest()
