"""Word documents are read for what somebody sees in them, and what is no honest document is not read at all."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import pytest

from plants.word_file import SPACE, archive_of, process, related, said, word_file, word_parts
from seatrial.core.errors import Malformed
from seatrial.spec.documents import read_document
from seatrial.spec.word import is_word, word_markdown


def _read(*body: str) -> list[str]:
    return word_markdown(word_file(*body), name="a.docx").splitlines()


def test_headings_are_known_by_their_style_in_any_language_and_by_what_it_is_based_on() -> None:
    lines = _read(
        said("Grenzen", style="berschrift1"), said("Keine.", style="Absatz"), said("Ersatz", style="Kapitel"), said("x")
    )
    assert lines == ["# Grenzen", "Keine.", "# Ersatz", "x"]
    outlined = f'<w:p><w:pPr><w:outlineLvl w:val="1"/></w:pPr>{said("Deep")[5:]}'
    assert _read(outlined) == ["## Deep"]


def test_lists_rows_breaks_and_pieces_of_a_word_are_read_together() -> None:
    item = f"<w:p><w:pPr><w:numPr/></w:pPr>{said('first')[5:]}"
    cut = "<w:p><w:r><w:t>pi</w:t></w:r><w:proofErr/><w:r><w:t>eces</w:t><w:br/><w:t>two</w:t></w:r></w:p>"
    row = f"<w:tbl><w:tr><w:tc>{said('wind')}</w:tc><w:tc>{said('60')}{said('km/h')}</w:tc></w:tr></w:tbl>"
    assert _read(item, cut, row) == ["- first", "pieces", "two", "wind | 60 km/h"]


def test_what_nobody_sees_is_not_said() -> None:
    hidden = said("the limits", run="<w:vanish/>")
    shown = said("shown", run='<w:vanish w:val="0"/>')
    deleted = "<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:moveFrom><w:r><w:t>moved</w:t></w:r>"
    deleted += "</w:moveFrom><w:ins><w:r><w:t>kept</w:t></w:r></w:ins></w:p>"
    once = "<w:r><w:t>once</w:t></w:r>"
    twice = f'<w:p>{once}<mc:Fallback xmlns:mc="urn:mc">{once}</mc:Fallback></w:p>'
    assert _read(hidden, shown, deleted, twice) == ["shown", "kept", "once"]


STYLED = f"""<w:styles {SPACE}>
<w:style w:type="paragraph" w:styleId="H1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="Secret"><w:name w:val="Secret"/><w:rPr><w:vanish/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Told"><w:basedOn w:val="Secret"/><w:rPr><w:vanish w:val="0"/></w:rPr></w:style>
<w:style w:styleId="Was"><w:rPr><w:rPrChange><w:rPr><w:vanish/></w:rPr></w:rPrChange></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Mark"><w:pPr><w:rPr><w:vanish/></w:rPr></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="Body"><w:basedOn w:val="H1"/><w:pPr><w:outlineLvl w:val="9"/></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="OnBody"><w:basedOn w:val="Body"/></w:style>
<w:style w:styleId="Third"><w:basedOn w:val="Body"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="A"><w:basedOn w:val="B"/></w:style>
<w:style w:type="paragraph" w:styleId="B"><w:basedOn w:val="A"/></w:style>
<w:style w:type="paragraph" w:styleId="OnOther"><w:basedOn w:val="quiet"/></w:style>
<w:style w:type="character" w:styleId="quiet"><w:rPr><w:vanish/></w:rPr></w:style>
<w:style w:type="table" w:styleId="Grid"><w:rPr><w:vanish/></w:rPr></w:style>
{"".join(f'<w:style w:type="character" w:styleId="c{n}"><w:basedOn w:val="c{n + 1}"/></w:style>' for n in range(40))}
<w:style w:type="character" w:styleId="c40"><w:basedOn w:val="quiet"/></w:style>
</w:styles>"""
WAS_HIDDEN = '<w:rPrChange w:id="1"><w:rPr><w:vanish/></w:rPr></w:rPrChange>'
WAS_SHOWN = '<w:rPrChange w:id="1"><w:rPr><w:vanish w:val="0"/></w:rPr></w:rPrChange>'


def _styled(*body: str, styles: str = STYLED) -> list[str]:
    return word_markdown(word_file(*body, styles=styles), name="a.docx").splitlines()


def _named(style: str, more: str = "") -> str:
    return f'<w:rStyle w:val="{style}"/>{more}'


@pytest.mark.parametrize(
    "paragraph",
    [
        said("gone", style="Secret"),
        said("gone", run=_named("quiet")),
        said("gone", run=_named("c0")),
        said("gone", run="<w:vanish/>" + WAS_SHOWN),
        said("gone", style="Told", run="<w:vanish/>"),
        said("gone", style="Told", run=_named("quiet")),
        f'<w:tbl><w:tblPr><w:tblStyle w:val="Grid"/></w:tblPr><w:tr><w:tc>{said("gone")}</w:tc></w:tr></w:tbl>',
    ],
)
def test_what_is_hidden_by_a_style_or_now_hidden_is_not_said(paragraph: str) -> None:
    assert _styled(paragraph, said("shown")) == ["shown"]


@pytest.mark.parametrize(
    "paragraph",
    [
        said("shown", style="Told"),
        said("shown", style="Was"),
        said("shown", style="Mark"),
        said("shown", style="A"),
        said("shown", style="OnOther"),
        said("shown", style="quiet"),
        said("shown", style="Secret", run='<w:vanish w:val="false"/>'),
        said("shown", style="Secret", run=_named("quiet")),
        said("shown", run=WAS_HIDDEN),
        said("shown", run='<w:vanish w:val="0"/>' + WAS_HIDDEN),
        said("shown", run=_named("Secret")),
        f"<w:p><w:pPr><w:rPr><w:vanish/></w:rPr></w:pPr>{said('shown')[5:]}",
    ],
)
def test_what_is_shown_in_spite_of_a_style_or_was_hidden_once_is_said(paragraph: str) -> None:
    assert _styled(paragraph) == ["shown"]


@pytest.mark.parametrize(
    ("styles", "lines"),
    [
        ("<w:docDefaults><w:rPrDefault><w:rPr><w:vanish/></w:rPr></w:rPrDefault></w:docDefaults>", ["told"]),
        ('<w:style w:default="1" w:styleId="N"><w:rPr><w:vanish/></w:rPr></w:style>', ["told"]),
        ('<w:style w:default="0" w:styleId="N"><w:rPr><w:vanish/></w:rPr></w:style>', ["by default", "told"]),
    ],
)
def test_a_document_that_hides_by_default_says_what_is_shown_on_purpose(styles: str, lines: list[str]) -> None:
    body = said("by default"), said("told", run='<w:vanish w:val="0"/>')
    assert _styled(*body, styles=f"<w:styles {SPACE}>{styles}</w:styles>") == lines


def _boxed(text: str, *, run: str = "", style: str = "") -> str:
    box = f"<w:pict><w:txbxContent>{said(text)}</w:txbxContent></w:pict><w:t>after</w:t>"
    outer = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{outer}<w:r><w:rPr>{run}</w:rPr>{box}</w:r></w:p>"


def test_a_text_box_is_as_hidden_as_the_run_that_holds_it() -> None:
    assert _styled(_boxed("gone", run="<w:vanish/>"), _boxed("gone", style="Secret"), said("on")) == ["on"]
    assert _styled(_boxed("shown"), said("on")) == ["shown", "after", "on"]
    inner = _boxed("x").replace(said("x"), said("gone", run="<w:vanish/>"))
    assert _styled(inner) == ["after"]


def _row(text: str, *, row: str = "", cell: str = "") -> str:
    second = f"<w:tc><w:tcPr>{cell}</w:tcPr>{said(text)}</w:tc>"
    return f"<w:tbl><w:tr><w:trPr>{row}</w:trPr><w:tc>{said('wind')}</w:tc>{second}</w:tr></w:tbl>"


@pytest.mark.parametrize(
    ("row", "cell", "line"),
    [
        ('<w:del w:id="1"/>', "", []),
        ("<w:hidden/>", "", []),
        ("<w:hidden/><w:trPrChange><w:trPr/></w:trPrChange>", "", []),
        ("", '<w:cellDel w:id="1"/>', ["wind"]),
        ('<w:ins w:id="1"/>', "", ["wind | 60"]),
        ('<w:hidden w:val="0"/>', "", ["wind | 60"]),
        ("<w:trPrChange><w:trPr><w:hidden/></w:trPr></w:trPrChange>", "", ["wind | 60"]),
    ],
)
def test_rows_and_cells_that_nobody_sees_are_left_out(row: str, cell: str, line: list[str]) -> None:
    assert _styled(_row("60", row=row, cell=cell), said("on")) == [*line, "on"]


def test_a_row_without_a_word_says_nothing() -> None:
    empty = _row("x").replace(said("x"), "<w:p/>")
    assert _styled(empty.replace(said("wind"), said("wind", run="<w:vanish/>"))) == []
    assert _styled(empty) == ["wind | "]


def test_what_was_a_heading_or_is_body_text_by_its_outline_is_none() -> None:
    was = '<w:pPrChange w:id="1"><w:pPr><w:pStyle w:val="H1"/><w:outlineLvl w:val="0"/><w:numPr/></w:pPr></w:pPrChange>'
    once = f"<w:p><w:pPr>{was}</w:pPr>{said('once')[5:]}"
    now = f'<w:p><w:pPr><w:pStyle w:val="H1"/><w:pPrChange><w:pPr/></w:pPrChange></w:pPr>{said("now")[5:]}'
    flat = f'<w:p><w:pPr><w:pStyle w:val="H1"/><w:outlineLvl w:val="9"/></w:pPr>{said("flat")[5:]}'
    based = said("a", style="Body"), said("b", style="OnBody"), said("c", style="Third"), said("d", style="H1")
    assert _styled(once, now, flat, *based) == ["once", "# now", "flat", "a", "b", "### c", "# d"]


@pytest.mark.parametrize(
    ("element", "seen"),
    [
        ("<w:noBreakHyphen/>", "-"),
        ("<w:softHyphen/>", ""),
        ('<w:sym w:font="Symbol" w:char="F0B3"/>', "≥"),
        ('<w:sym w:font="Symbol" w:char="00A3"/>', "≤"),
        ('<w:sym w:font="Symbol" w:char="F06D"/>', "μ"),
        ('<w:sym w:font="Wingdings" w:char="F0FC"/>', "✓"),
        ('<w:sym w:font="Wingdings" w:char="F0FB"/>', "✗"),
        ('<w:sym w:font="Wingdings 2" w:char="0041"/>', "[symbol 0041]"),
        ('<w:sym w:font="House" w:char="F041"/>', "[symbol F041]"),
        ('<w:sym w:font="Arial" w:char="2265"/>', "≥"),
        ('<w:sym w:font="Arial" w:char="D800"/>', "[symbol D800]"),
        ('<w:sym w:font="Arial" w:char="FFFFFFFF"/>', "[symbol FFFFFFFF]"),
        ('<w:sym w:font="Arial" w:char="none"/>', "[symbol]"),
        ("<w:rPr><w:vanish/></w:rPr><w:noBreakHyphen/>", ""),
    ],
)
def test_a_hyphen_and_a_symbol_are_said_as_they_are_seen(element: str, seen: str) -> None:
    between = f"<w:r>{element}</w:r>"
    assert _read(f"<w:p><w:r><w:t>24</w:t></w:r>{between}<w:r><w:t>48</w:t></w:r></w:p>") == [f"24{seen}48"]


def test_styles_based_on_each_other_without_end_cost_no_more_than_their_number() -> None:
    chain = "".join(f'<w:style w:styleId="s{n}"><w:basedOn w:val="s{n + 1}"/></w:style>' for n in range(50_000))
    last = '<w:style w:styleId="s50000"><w:rPr><w:vanish/></w:rPr></w:style>'
    styles = f"<w:styles {SPACE}>{chain}{last}</w:styles>"
    assert _styled(said("gone", style="s0"), said("shown"), styles=styles) == ["shown"]


def test_a_text_that_only_looks_like_a_heading_is_none() -> None:
    document = read_document(word_file(said("# Limits"), said("None.")), name="a.docx")
    assert document.sections == {}


def test_a_document_states_its_sections_and_its_version() -> None:
    document = read_document(process(version='1 "a": b'), name="docs/Docks.DOCX")
    assert document.front == {"version": '1 "a": b'}
    assert list(document.sections) == ["Role of the system", "Limits", "Fallback"]
    assert document.speaks_of(r"\blimits?\b")


MAIN = {"_rels/.rels": related(officeDocument="word/document.xml")}
OUTSIDE = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
BOMB = '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (word_file(said("x"), before=OUTSIDE), "declares a document type"),
        (word_file(said("x"), before=BOMB), "declares a document type"),
        (word_file(said("x"), styles=f"{BOMB}<w:styles {SPACE}/>"), "declares a document type"),
        (archive_of(MAIN | {"word/document.xml": b" " * (17 * 1024 * 1024)}), "unpacks to more than"),
        (archive_of({"xl/workbook.xml": b"<x/>"}), "another kind of archive"),
        (
            archive_of({"_rels/.rels": related(officeDocument="xl/a.xml"), "xl/a.xml": b"<x/>"}),
            "another kind of archive",
        ),
        (archive_of(MAIN | {"word/document.xml": b"<w:document>"}), "damaged"),
        (process()[:-40], "damaged"),
        (b"no archive", "damaged"),
    ],
)
def test_what_is_no_honest_document_is_not_read_and_says_why(content: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why) as caught:
        word_markdown(content, name="a.docx")
    assert "save it again" in caught.value.remedy


def test_a_size_that_an_archive_lies_about_unpacks_no_further() -> None:
    content = bytearray(archive_of(MAIN | {"word/document.xml": b" " * (17 * 1024 * 1024)}))
    told = (17 * 1024 * 1024).to_bytes(4, "little")
    while (at := content.find(told)) >= 0:
        content[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(Malformed):
        word_markdown(bytes(content), name="a.docx")


def test_only_a_word_document_is_taken_for_one() -> None:
    assert is_word(process())
    assert not any(map(is_word, (b"PK\x03\x04", b"# Limits", archive_of({"content.xml": b"<x/>"}))))


def test_deep_nesting_costs_no_more_than_its_length() -> None:
    deep = "<w:tbl><w:tr><w:tc>" * 20_000 + said("down there") + "</w:tc></w:tr></w:tbl>" * 20_000
    assert _read(deep) == ["down there"]


def _told(parts: Mapping[str, str]) -> list[str]:
    return word_markdown(archive_of(parts), name="a.docx").splitlines()


def _parts(**changed: str) -> dict[str, str]:
    """A document whose only paragraph is hidden by its style, without properties."""
    parts = word_parts(said("hidden", style="Secret"), said("shown"), styles=STYLED) | dict(MAIN)
    return parts | {name.replace("__", "/"): text for name, text in changed.items()}


@pytest.mark.parametrize("target", ["look.xml", "/word/look.xml", "./x/../look.xml", "look%2Exml"])
def test_styles_are_read_where_the_relationship_leads(target: str) -> None:
    parts = _parts() | {"word/_rels/document.xml.rels": related(styles=target)}
    assert _told(_moved(parts, "word/styles.xml", "word/look.xml")) == ["shown"]


def test_a_document_and_its_properties_are_read_where_the_relationships_lead() -> None:
    parts = _moved(_parts(), "word/document.xml", "word/document2.xml")
    parts = _moved(parts, "word/_rels/document.xml.rels", "word/_rels/document2.xml.rels")
    front = '<Properties xmlns:vt="urn:vt"><property name="version"><vt:lpwstr>2</vt:lpwstr></property></Properties>'
    parts |= {
        "_rels/.rels": related(officeDocument="word/document2.xml", custom_properties="own.xml"),
        "own.xml": front,
    }
    assert _told(parts) == ["---", '"version": "2"', "---", "shown"]


def _moved(parts: Mapping[str, str], old: str, new: str) -> dict[str, str]:
    return {new if name == old else name: text for name, text in parts.items()}


def test_a_document_without_styles_is_read() -> None:
    parts = {**MAIN, "word/document.xml": _parts()["word/document.xml"]}
    assert _told(parts) == ["hidden", "shown"]


_RELS = "word/_rels/document.xml.rels"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({_RELS: related()}, "no relationship leads to its word/styles.xml"),
        ({_RELS: related(styles="look.xml")}, "leads to word/look.xml, which it does not have"),
        ({_RELS: related(styles="file:///etc/passwd")}, "which it does not have"),
        ({_RELS: related(styles="styles.xml").replace("Target=", 'TargetMode="External" Target=')}, "a place outside"),
        ({_RELS: related(styles="styles.xml").replace("2006/relationships/styles", "styles")}, "no relationship leads"),
        ({_RELS: related(styles="a.xml", second="b.xml").replace("/second", "/styles")}, "name two parts"),
        ({"docProps/custom.xml": "<Properties/>"}, "no relationship leads to its docProps/custom.xml"),
        ({"_rels/.rels": related(officeDocument="word/other.xml")}, "leads to word/other.xml"),
        ({"_rels/.rels": related()}, "no relationship leads to its word/document.xml"),
        ({"word/Document.xml": f"<w:document {SPACE}/>"}, "2 of its parts are called word/document.xml"),
    ],
)
def test_a_document_whose_parts_are_not_joined_as_they_should_be_is_refused(
    changed: Mapping[str, str], why: str
) -> None:
    with pytest.raises(Malformed, match=why) as caught:
        _told({**_parts(), **changed})
    assert "save it again" in caught.value.remedy


def test_a_part_that_is_there_twice_is_refused() -> None:
    target = io.BytesIO(archive_of(_parts()))
    with zipfile.ZipFile(target, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("word/document.xml", f"<w:document {SPACE}><w:body>{said('another')}</w:body></w:document>")
    with pytest.raises(Malformed, match=r"2 of its parts are called word/document\.xml"):
        word_markdown(target.getvalue(), name="a.docx")


MATHS = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'


def _equation(inner: str) -> str:
    return f"<w:p><w:r><w:t>limit </w:t></w:r><m:oMath {MATHS}>{inner}</m:oMath></w:p>"


def _sign(text: str, run: str = "") -> str:
    return f'<m:r><m:rPr><m:sty m:val="p"/></m:rPr><w:rPr>{run}</w:rPr><m:t>{text}</m:t></m:r>'


@pytest.mark.parametrize(
    ("inner", "line"),
    [
        (_sign("x≤60"), "limit x≤60"),
        (f"<m:f><m:num>{_sign('1')}</m:num><m:den>{_sign('20')}</m:den></m:f>", "limit (1)/(20)"),
        (f"<m:sSup><m:e>{_sign('10')}</m:e><m:sup>{_sign('3')}</m:sup></m:sSup>", "limit 10^(3)"),
        (f"<m:d><m:e>{_sign('a+b')}</m:e></m:d>{_sign('c')}", "limit (a+b)c"),
        (f"<m:rad><m:deg/><m:e>{_sign('2')}</m:e></m:rad>", "limit √(2)"),
        (_sign("x≤60", run="<w:vanish/>"), "limit"),
        (f"<m:d><m:e>{_sign('60', run='<w:vanish/>')}</m:e></m:d>", "limit"),
        (f"<m:phant><m:e>{_sign('60')}</m:e></m:phant>", "limit"),
    ],
)
def test_an_equation_is_said_on_one_line_as_far_as_it_is_seen(inner: str, line: str) -> None:
    assert _read(_equation(inner)) == [line]


def test_a_hidden_equation_alone_says_nothing() -> None:
    hidden = _sign("60", run="<w:vanish/>")
    fraction = f"<m:f><m:num>{hidden}</m:num><m:den>{hidden}</m:den></m:f>"
    assert _read(f"<w:p><m:oMath {MATHS}>{fraction}</m:oMath></w:p>") == []


def _drawing(*, anchor: str = "", shape: str = "") -> str:
    box = f"<w:txbxContent>{said('boxed')}</w:txbxContent>"
    props = f'<wp:docPr xmlns:wp="urn:wp" id="1" {anchor}/><wps:cNvPr xmlns:wps="urn:wps" id="2" {shape}/>'
    return f"<w:p><w:r><w:drawing>{props}{box}</w:drawing><w:t>after</w:t></w:r></w:p>"


def _picture(style: str) -> str:
    box = f"<w:txbxContent>{said('boxed')}</w:txbxContent>"
    shape = f'<v:shape xmlns:v="urn:schemas-microsoft-com:vml" style="{style}">{box}</v:shape>'
    return f"<w:p><w:r><w:pict>{shape}</w:pict><w:t>after</w:t></w:r></w:p>"


@pytest.mark.parametrize(
    ("drawn", "lines"),
    [
        (_drawing(anchor='hidden="1"'), ["after"]),
        (_drawing(shape='hidden="true"'), ["after"]),
        (_picture("width:9pt;visibility:hidden"), ["after"]),
        (_picture("display: none"), ["after"]),
        (_drawing(), ["boxed", "after"]),
        (_drawing(anchor='hidden="0"'), ["boxed", "after"]),
        (_picture("width:9pt;visibility:visible"), ["boxed", "after"]),
    ],
)
def test_a_text_box_in_a_hidden_drawing_is_not_said(drawn: str, lines: list[str]) -> None:
    assert _read(drawn, said("on")) == [*lines, "on"]


WHITE = '<w:color w:val="FFFFFF"/>'
DARK = '<w:shd w:val="clear" w:color="auto" w:fill="1F3864"/>'
COLOURED = f"""<w:styles {SPACE}>
<w:style w:type="paragraph" w:styleId="White"><w:rPr>{WHITE}</w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Banner"><w:basedOn w:val="White"/><w:pPr>{DARK}</w:pPr></w:style>
<w:style w:type="character" w:styleId="pale"><w:rPr>{WHITE}</w:rPr></w:style>
<w:style w:type="character" w:styleId="inverse"><w:basedOn w:val="pale"/><w:rPr>{DARK}</w:rPr></w:style>
<w:style w:type="table" w:styleId="Night"><w:tcPr>{DARK}</w:tcPr></w:style>
</w:styles>"""


def _celled(paragraph: str, *, cell: str = "", table: str = "") -> str:
    return f"<w:tbl><w:tblPr>{table}</w:tblPr><w:tr><w:tc><w:tcPr>{cell}</w:tcPr>{paragraph}</w:tc></w:tr></w:tbl>"


@pytest.mark.parametrize(
    "body",
    [
        said("gone", run=WHITE),
        said("gone", run='<w:color w:val="FEFDFC"/>'),
        said("gone", run='<w:color w:val="000000" w:themeColor="background1"/>'),
        said("gone", run=f'{WHITE}<w:highlight w:val="white"/>'),
        said("gone", run=f'{WHITE}<w:shd w:val="solid" w:color="FFFFFF" w:fill="000000"/>'),
        said("gone", run='<w:color w:val="1F3864"/>' + DARK),
        said("gone", style="White"),
        said("gone", run=_named("pale")),
        said("gone", style="Banner", run='<w:shd w:fill="FFFFFF"/>'),
        _celled(said("gone", run=WHITE)),
        _celled(said("gone", run=WHITE), table=DARK, cell='<w:shd w:fill="FFFFFF"/>'),
        _celled(_boxed("gone", run=WHITE).replace("<w:t>after</w:t>", ""), cell='<w:shd w:fill="FFFFFF"/>'),
        _celled(
            f"<w:p><w:r><w:pict><w:txbxContent>{said('gone', run=WHITE)}</w:txbxContent></w:pict></w:r></w:p>",
            cell=DARK,
        ),
    ],
)
def test_text_of_the_colour_of_what_is_behind_it_is_not_said(body: str) -> None:
    assert _styled(body, said("shown"), styles=COLOURED) == ["shown"]


@pytest.mark.parametrize(
    "body",
    [
        said("shown", run='<w:color w:val="auto"/>'),
        said("shown", run='<w:color w:val="C00000"/>'),
        said("shown", run='<w:color w:val="D9D9D9"/>'),
        said("shown", run='<w:color w:val="808080" w:themeColor="background1" w:themeShade="80"/>'),
        said("shown", run=WHITE + DARK),
        said("shown", run=f'{WHITE}<w:highlight w:val="black"/>'),
        said("shown", run=DARK),
        said("shown", style="Banner"),
        said("shown", style="White", run='<w:color w:val="auto"/>'),
        said("shown", run=_named("inverse")),
        _celled(said("shown", run=WHITE), cell=DARK),
        _celled(said("shown", run=WHITE), table=DARK),
        _celled(said("shown", run=WHITE), table='<w:tblStyle w:val="Night"/>'),
        _celled(said("shown", run=WHITE).replace("<w:r>", f"<w:pPr>{DARK}</w:pPr><w:r>")),
        said("shown", run="<w:rPrChange><w:rPr>" + WHITE + "</w:rPr></w:rPrChange>"),
    ],
)
def test_text_that_is_told_apart_from_what_is_behind_it_is_said(body: str) -> None:
    assert _styled(body, styles=COLOURED) == ["shown"]


def test_a_list_of_number_none_is_no_list() -> None:
    def item(number: str) -> str:
        numbered = f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{number}"/></w:numPr>'
        return f"<w:p><w:pPr>{numbered}</w:pPr>{said('item')[5:]}"

    assert _read(item("0"), item("7")) == ["item", "- item"]
