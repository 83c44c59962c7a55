"""Documents that people write: front matter, and sections under headings or none."""

from __future__ import annotations

import pytest

from seatrial.spec.documents import read_document


@pytest.mark.parametrize("text", ["", "One line and no heading.\n", "---\nlimits: {accuracy: 0.8}\n---\nNo heading.\n"])
def test_a_document_without_headings_has_no_sections(text: str) -> None:
    assert read_document(text.encode(), name="plan.md").sections == {}


def test_the_text_below_each_heading_is_its_section() -> None:
    read = read_document(b"---\nlimits: {}\n---\nfirst\n# One\na\n## Two\nb\n", name="plan.md")
    assert {heading: text.strip() for heading, text in read.sections.items()} == {"One": "a", "Two": "b"}
    assert read.front == {"limits": {}}
