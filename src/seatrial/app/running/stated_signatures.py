"""The signatures that a stated GO carries: the sign-offs themselves, so that a worker's word for them is not needed.

Whoever configures the machine that decides, by a trust root, a ledger or checkpoints of their own, and whoever has its
worker's key, can make it say GO. What four people signed they cannot make, as long as the trust root of whoever
deploys does not come from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from seatrial.app.folder.ledgers import open_ledger
from seatrial.app.folder.workspace import Workspace
from seatrial.core.bodies import SignOffBody
from seatrial.core.codec import CodecError, from_data
from seatrial.core.errors import Malformed, Refused
from seatrial.core.observation import Json
from seatrial.core.record import Record
from seatrial.core.records import Records
from seatrial.core.vocabulary import GateName, RecordType, Role
from seatrial.evidence.authority import objection
from seatrial.evidence.envelope import parse
from seatrial.evidence.trust import Keyring, TrustRoot
from seatrial.evidence.upcast import read_record
from seatrial.gate.binding import SIGN_OFF_RESTS_ON, moved, resolved
from seatrial.gate.verdict import Verdict
from seatrial.spec.system import System

_ANEW = "Decide anew with this release, on a machine that knows the same trust root: `seatrial gate`."


def carried(workspace: Workspace, verdict: Verdict, evidence: Records) -> list[Json]:
    """The envelopes of the verdict's valid sign-offs, after those of the changes of keys that came before them."""
    wanted = [each.digest for each in evidence.of(RecordType.KEY)]
    wanted += [signature.evidence for signature in verdict.signatures if signature.evidence]
    with open_ledger(workspace) as ledger:
        return [entry.envelope.decode() for entry in ledger.holding(verdict.system, wanted)]


def demand_four(
    given: Json,
    trust: TrustRoot,
    *,
    system: str,
    gate: GateName,
    parts: Mapping[str, str],
    declared: System | None,
) -> None:
    """Raises Refused unless a person of the trust root signed for each role, at this gate, four distinct ones.

    Each must have signed for the `parts` (name to digest) of what is to be deployed, and be the one who is declared,
    where it is known what is `declared`. Raises Malformed for what carries no signatures.
    """
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise Malformed("the statement does not carry the signatures on which its GO rests", remedy=_ANEW)
    signed: dict[Role, str] = {}
    for record, body in _sign_offs([str(each) for each in given], trust):
        if record.system == system and body.gate is gate and not body.open and _fits(record, body, parts, declared):
            signed.setdefault(body.role, body.person)
    missing = [role.value for role in Role if role not in signed]
    if missing:
        raise Refused(
            f"no signature that the trust root vouches for says GO to this for {', '.join(missing)}",
            remedy="Let them review and sign what is to be deployed, or give the trust root that knows their keys; "
            "then decide anew: `seatrial gate`.",
        )
    if len(set(signed.values())) < len(Role):
        raise Refused("fewer than four distinct people signed", remedy="Let four people review and sign.")


def _sign_offs(given: Iterable[str], trust: TrustRoot) -> Iterator[tuple[Record, SignOffBody]]:
    """Those that verify and that their keys may sign."""
    keys = Keyring(trust)
    for each in given:
        envelope = parse(each.encode())
        record = read_record(envelope)
        key = keys.get(envelope.key_id)
        if key is None or not keys.holds(envelope) or objection(key, record, received_at=record.at) is not None:
            continue
        if record.type is RecordType.KEY:
            with suppress(Malformed):
                # In the chain a change that may not be applied counts for nothing and spoils nothing.
                keys.change(record.body)
        elif record.type is RecordType.SIGN_OFF:
            try:
                yield record, from_data(SignOffBody, record.body)
            except CodecError:
                continue


def _fits(record: Record, body: SignOffBody, parts: Mapping[str, str], declared: System | None) -> bool:
    patterns = SIGN_OFF_RESTS_ON[body.role]
    if declared is None:
        # Who is declared stands in the system file alone; a part that a signature names must be there as it was.
        return not moved(record.depends, [each for each in patterns if "{" not in each], parts)
    return declared.signers.get(body.role) == body.person and not moved(
        record.depends, resolved(patterns, declared), parts
    )
