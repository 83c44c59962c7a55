"""What a run established about trust, as data: the newest export on record, for questions, watches and people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from seatrial.adapters.store.artifacts import ArtifactFolder
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import Workspace
from seatrial.core.bodies import ObservationBody
from seatrial.core.errors import Refused
from seatrial.core.vocabulary import RecordType
from seatrial.core.wording import percent
from seatrial.domains.model.trust import REQUIREMENT
from seatrial.domains.model.trust_export import ARTIFACT


def established(workspace: Workspace) -> Mapping[str, Any]:
    """The document that the newest observation of `model.trust` left beside the ledger, in `seatrial-trust/1`.

    Raises Refused where none was made, or where it was erased.
    """
    for _, body in reversed(read_ledger(workspace, quick=False).bodies(RecordType.OBSERVATION, ObservationBody)):
        if body.requirement != REQUIREMENT or body.observation is None:
            continue
        kept = ArtifactFolder(workspace.folder / "artifacts").get(body.observation.artifacts.get(ARTIFACT, ""))
        if kept is None:
            raise Refused("what was established about trust was erased", remedy="Run it again: `seatrial run`.")
        document: Mapping[str, Any] = json.loads(kept)
        return document
    raise Refused(
        "nothing has been established about trust yet", remedy=f"Run the check: `seatrial run --only {REQUIREMENT}`."
    )


def told(document: Mapping[str, Any]) -> Iterator[str]:
    """The document in sentences."""
    wrong = document["wrong_means"]
    share = f"{percent(document['wrong'])} of {document['rows']:,} outputs are {wrong}"
    yield f"{document['system']} {document['version']}: {share}"
    for rule in document["rules"]:
        yield f"do not trust it when {rule['words']} ({rule['when']}): {rule['handling'] or 'no handling is declared'}"
        if rule["wrong"] is not None and rule["wrong_elsewhere"] is not None:
            yield f"  {percent(rule['wrong']['value'])} are {wrong} there, {percent(rule['wrong_elsewhere'])} elsewhere"
        for name, what in (("errors_caught", "of the errors caught"), ("good_held_back", "of the good held back")):
            if (found := rule[name]) is not None:
                between = f"{percent(found['lower'])} to {percent(found['upper'])}"
                yield f"  {percent(found['value'])} {what} (bounds {between})"
    for band in document["confidence"]["bands"]:
        yield f"a score of {band['from']:.2f} to {band['to']:.2f} comes true in {percent(band['true']['value'])}"
