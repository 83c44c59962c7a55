"""The dossier on paper: everything that the page tells, tagged for screen readers, and no text is read as markup."""

from __future__ import annotations

import dataclasses
import json
from io import BytesIO
from typing import Any

import pytest
from sample_verdict import NOW, sample

from seatrial.core.vocabulary import GateName, Role
from seatrial.gate.encoding import verdict_data
from seatrial.gate.frameworks import FRAMEWORKS
from seatrial.gate.verdict import Signature, Stage, Verdict
from seatrial.present.pdf import dossier_pdf

EVIL = '#read("/etc/passwd") $x$ [*bold*] <a> \\u{41} `raw` ${HOME}'


def _signed() -> Verdict:
    """The sample with one signature, and texts that are markup to Typst."""
    signed = Signature(
        role=Role.IT, person="ivo", name="Ivo Petrov", signed_at=NOW, valid=True, evidence="c0ffee" + "0" * 58
    )
    verdict = sample()
    way = tuple(Stage(gate=name, title=name.value, question="May it?") for name in GateName)
    others = tuple(s for s in verdict.signatures if s.role is not Role.IT)
    return dataclasses.replace(verdict, purpose=EVIL, signatures=(signed, *others), way=way)


@pytest.fixture(scope="module")
def read() -> Any:
    from pypdf import PdfReader

    return PdfReader(BytesIO(dossier_pdf(_signed())))


@pytest.fixture(scope="module")
def text(read: Any) -> str:
    return " ".join(" ".join(page.extract_text() for page in read.pages).split())


def test_every_requirement_gap_signature_and_framework_is_on_paper(text: str) -> None:
    plain = text.replace(" ", "")
    for assessment in sample().requirements:
        assert assessment.id.replace(" ", "") in plain.replace("-\n", "")
    for wanted in ("NO-GO", "Ivo Petrov", "c0ffee", "not signed", "Nothing here says that the system complies"):
        assert wanted.replace(" ", "") in plain, wanted
    for framework in FRAMEWORKS:
        assert framework.title.replace(" ", "") in plain


def test_no_text_is_read_as_markup(text: str) -> None:
    assert "root:" not in text
    assert EVIL.replace(" ", "").replace('"', "") in text.replace(" ", "").replace('"', "").replace("“", "").replace(
        "”", ""
    )


def test_it_is_tagged_and_carries_the_verdict_as_data(read: Any) -> None:
    assert read.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert read.trailer["/Root"]["/Lang"] == "en"
    assert json.loads(read.attachments["verdict.json"][0]) == json.loads(json.dumps(verdict_data(_signed())))
    assert read.metadata.title.startswith("NO-GO: arrival-delay")
