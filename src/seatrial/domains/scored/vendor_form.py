"""What a check says where the model is a vendor's black box: which form of the evidence this is, and who vouches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from seatrial.core.bodies import AttestationBody
from seatrial.core.check import Trial
from seatrial.core.codec import CodecError, from_data
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding
from seatrial.core.vocabulary import RecordType, Weight
from seatrial.spec.system import System

CODES: Mapping[str, str] = {
    "vendor-form": "The model is a vendor's black box; what is said of it rests on the accepted pilot data.",
    "supplier-document-missing": "No supplier document says what only the vendor can know, or it cannot be read.",
    "supplier-document-not-attested": "Nobody has attested the supplier's document as it is now.",
    "supplier-document-attested": "A person stands for the supplier's document; what it says was not executed.",
}
KIND = "supplier"
"""The kind of an attestation of the supplier's document."""
_WHY = "What a vendor trained on decides what their model can have learned by heart."


def vendor_form(system: System, instead: str) -> Iterator[Finding]:
    """A note that this is the form of evidence for a vendor's model; `instead` tells what stands in for what."""
    vendor = system.model.vendor
    if vendor is None:
        return
    how = "past predictions only" if system.model.recorded else "its answers only"
    yield Finding(
        code="vendor-form",
        weight=Weight.NOTE,
        summary=f"{vendor.name} {vendor.version} is a vendor's model of which {how} are known: {instead}",
        fields=("model.vendor",),
        why="This is less than is known of a model whose training data can be looked at.",
    )


def supplier_document(system: System, trial: Trial) -> Iterator[Finding]:
    """Whether there is a document for what only the vendor can know, and who stands for it."""
    vendor = system.model.vendor
    if vendor is None:
        return
    if vendor.document is None:
        yield _missing("no document says what only the vendor can know: training data, their time and origin, limits")
        return
    path = vendor.document.partition("#")[0]
    try:
        digest = trial.files.digest(path)
    except SeatrialError as error:
        yield _missing(f"the supplier's document cannot be read: {error.what}")
        return
    who = _attested_by(trial, digest)
    if who is None:
        yield Finding(
            code="supplier-document-not-attested",
            weight=Weight.OPEN,
            summary=f"nobody has attested the supplier's document {path} as it is now",
            fields=("model.vendor.document",),
            remedy=f"Let a declared person who got it from {vendor.name} attest {path}: `seatrial attest "
            f"{KIND} {path}`.",
            why=_WHY,
        )
        return
    name = system.name_of(who)
    yield Finding(
        code="supplier-document-attested",
        weight=Weight.NOTE,
        summary=f"what only {vendor.name} can know is attested, not executed: {name} stands for {path}",
        fields=("model.vendor.document",),
        why=_WHY,
    )


def _missing(summary: str) -> Finding:
    return Finding(
        code="supplier-document-missing",
        weight=Weight.OPEN,
        summary=summary,
        fields=("model.vendor.document",),
        remedy="Ask the vendor for it, and declare it as model.vendor.document.",
        why=_WHY,
    )


def _attested_by(trial: Trial, digest: str) -> str | None:
    """Who attested the document of that digest last, by their own signature."""
    for record in reversed(trial.records(RecordType.ATTESTATION)):
        try:
            body = from_data(AttestationBody, record.body)
        except CodecError:
            continue
        if body.kind == KIND and body.digest == digest and record.by == f"person:{body.person}":
            return body.person
    return None
