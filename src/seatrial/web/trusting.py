"""Whether a person's key will count in the ledger, before anything is signed with it."""

from __future__ import annotations

import base64

from seatrial.adapters.signers.keystore import Ed25519Signer
from seatrial.app.folder.ledgers import keystore, known, open_ledger, read_ledger, record, trust
from seatrial.app.folder.workspace import Workspace
from seatrial.core.bodies import KeyBody
from seatrial.core.errors import Refused
from seatrial.core.vocabulary import RecordType
from seatrial.web.language import _


def trusted(workspace: Workspace, signer: Ed25519Signer) -> Ed25519Signer:
    """The signer, once the ledger knows its key.

    Under a trust root from outside only its keeper adds keys: Refused, with the public key to add. Without one the
    site adds it itself, as a key that is held on this machine, so that nothing signed with it is taken for anchored.
    """
    if trust(workspace).pinned:
        known(workspace, signer)
    on_record = read_ledger(workspace, quick=True).keys.get(signer.key_id)
    if on_record is not None and on_record.holder != signer.holder:
        raise Refused(
            _(
                "your key is on record as that of %(holder)s, not of %(holder2)s",
                holder=on_record.holder,
                holder2=signer.holder,
            ),
            remedy=_(
                "Whoever keeps the trust root retires it there; until then nothing that you sign here would count."
            ),
        )
    if on_record is None and not trust(workspace).pinned:
        body = KeyBody(
            action="add",
            key=signer.key_id,
            public=base64.b64encode(signer.public).decode(),
            holder=signer.holder,
            local=True,
        )
        with open_ledger(workspace) as ledger:
            record(ledger, keystore(workspace).root(), workspace, RecordType.KEY, body)
    return signer
