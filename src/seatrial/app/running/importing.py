"""Another tool's result goes on record as observed evidence: counts and digests, never prompts, answers or settings."""

from __future__ import annotations

import hashlib
from pathlib import Path

from seatrial.adapters.imports.catalogue import read_result
from seatrial.adapters.imports.result import counted
from seatrial.app.folder.ledgers import keystore, known, open_ledger, record
from seatrial.app.folder.probing import probe
from seatrial.app.folder.subject import MODEL, digest_files, subject
from seatrial.app.folder.workspace import Workspace
from seatrial.core.bodies import ImportBody
from seatrial.core.errors import Malformed, Refused, Unreachable
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import RecordType
from seatrial.gate.binding import literal, matching

_MOST_BYTES = 1 << 30


def import_result(
    workspace: Workspace, kind: str, file: Path, *, name: str | None = None
) -> tuple[ImportBody, Evidence]:
    """File the result under the declared import `name`, or under the only one of its format.

    What is served is identified now, so that the record is bound to it. Raises Refused where nothing of the kind is
    declared, Unreachable and Malformed where the file cannot be read or the model not be identified.
    """
    name = _declared(workspace, kind, name)
    declared = workspace.system.imports[name]
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise Malformed(f"{file.name} is larger than 1 GiB", remedy="Split the evaluation.")
        content = file.read_bytes()
    except OSError as error:
        raise Unreachable(f"{file} cannot be read: {error.strerror or error}", remedy="Correct the path.") from None
    result = read_result(kind, content, score=declared.score)
    body = ImportBody(
        name=name,
        format=kind,
        tool=result.tool,
        tool_version=result.version,
        target=result.target,
        started_at=result.started_at,
        ended_at=result.ended_at,
        counts=counted(result.attempts),
        problems=tuple(result.problems),
        file_sha256=hashlib.sha256(content).hexdigest(),
    )
    identities = probe(workspace)
    if MODEL not in identities.found:
        raise Unreachable(
            f"the model could not be identified, so the result cannot be bound to it: {identities.unknown.get(MODEL)}",
            remedy="Start the model, and see that model.identity answers.",
        )
    parts = subject(workspace, digest_files(workspace), identities).parts
    rests_on = matching((MODEL, literal(f"import.{declared.requirement}.{name}")), parts)
    signer = known(workspace, keystore(workspace).worker())
    with open_ledger(workspace) as ledger:
        record(ledger, signer, workspace, RecordType.EVENT, identities.body())
        return body, record(ledger, signer, workspace, RecordType.IMPORT, body, depends=rests_on)


def _declared(workspace: Workspace, kind: str, name: str | None) -> str:
    declared = workspace.system.imports
    of_kind = [known_name for known_name, section in declared.items() if section.format == kind]
    if name is None and len(of_kind) == 1:
        return of_kind[0]
    if name in of_kind:
        return str(name)
    if not of_kind:
        raise Refused(
            f"no result of {kind} is declared",
            remedy="Declare it under imports, with requirement, target and the share that must pass.",
        )
    raise Refused(f"it is not clear which import this is: {', '.join(of_kind)}", remedy="Name it with --name.")
