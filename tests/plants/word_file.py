"""Word documents as Word writes them, part by part, for tests that take one apart or spoil one."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from xml.sax.saxutils import escape

SPACE = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
_RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STYLES = f"""<w:styles {SPACE}>
<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="Kapitel"><w:name w:val="Kapitel"/><w:basedOn w:val="berschrift1"/></w:style>
<w:style w:type="paragraph" w:styleId="Absatz"><w:name w:val="Absatz"/></w:style>
</w:styles>"""


def said(text: str, *, style: str = "", run: str = "") -> str:
    """One paragraph; `run` is how its text looks."""
    paragraph = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{paragraph}<w:r><w:rPr>{run}</w:rPr><w:t>{escape(text)}</w:t></w:r></w:p>"


def related(**targets: str) -> str:
    """Relationships by the last word of their types, whose underscores are hyphens."""
    listed = "".join(
        f'<Relationship Id="r{n}" Type="{_RELATED}/{kind.replace("_", "-")}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets.items())
    )
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{listed}</Relationships>'
    )


def word_file(*body: str, before: str = "", properties: Mapping[str, str] | None = None, styles: str = STYLES) -> bytes:
    """The archive. `before` stands before the document's own element."""
    listed = "".join(
        f'<property name="{name}"><vt:lpwstr>{escape(value)}</vt:lpwstr></property>'
        for name, value in (properties or {}).items()
    )
    return archive_of(
        word_parts(*body, before=before, styles=styles)
        | {
            "docProps/custom.xml": f'<Properties xmlns:vt="urn:vt">{listed}</Properties>',
        }
    )


def word_parts(*body: str, before: str = "", styles: str = STYLES) -> dict[str, str]:
    """The parts of a document by their names; its properties are related and not there yet."""
    return {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": related(officeDocument="word/document.xml", custom_properties="docProps/custom.xml"),
        "word/_rels/document.xml.rels": related(styles="styles.xml"),
        "word/document.xml": f"{before}<w:document {SPACE}><w:body>{''.join(body)}</w:body></w:document>",
        "word/styles.xml": styles,
    }


def archive_of(parts: Mapping[str, str | bytes]) -> bytes:
    """An archive of these parts."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


def process(*, limits: bool = True, version: str = "2026.11.1") -> bytes:
    """A process document that states what it must, or one that is silent about the limits."""
    sections = {"Role of the system": "It warns the planner.", "Limits": "It knows no strikes.", "Fallback": "By hand."}
    told = {heading: text for heading, text in sections.items() if limits or heading != "Limits"}
    paragraphs = [part for heading, text in told.items() for part in (said(heading, style="berschrift1"), said(text))]
    return word_file(*paragraphs, properties={"version": version})
