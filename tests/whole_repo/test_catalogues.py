"""Every text of the site is in the catalogue, the catalogue is current, and each language has all of it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("django", reason="the site is the extra `web`, which is not installed")
pytest.importorskip("babel", reason="the catalogues are made with Babel, which is not installed")

REPO = Path(__file__).parents[2]
WEB = REPO / "src" / "seatrial" / "web"
TEMPLATES = WEB / "templates" / "web"
SHARED = REPO / "src" / "seatrial" / "present" / "templates" / "parts.html"
NAMES = {"seatrial", "OpenAPI", "JSON"}
"""Words that are the same in every language."""
_MARKED = re.compile(r"\{%-?\s*trans\b.*?\{%-?\s*endtrans\s*-?%\}", re.DOTALL)
_CODE = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
_UNREAD = re.compile(r"<(script|style)\b.*?</\1>|<!doctype[^>]*>|<!--.*?-->", re.DOTALL | re.IGNORECASE)
_EXAMPLE = re.compile(r'<div class="box mono[^>]*>.*?</div>', re.DOTALL)
"""A command to copy, which is the same in every language."""
_READ = re.compile(r'\b(?:aria-label|alt|placeholder|title)="([^"]*)"')
_PARAMETER = re.compile(r"(?:\?|&amp;)\w+=|&\w+;")
"""What an address asks for, and a character by its name."""
_WORD = re.compile(r"[A-Za-z]{2,}")
_LITERAL = re.compile(r'"([^"]*)"')
_SENTENCE = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}")


def unmarked(template: str) -> list[str]:
    """What a reader of the page sees, or hears, that no translation reaches."""
    plain = _MARKED.sub(" ", _UNREAD.sub(" ", template))
    literals = [text for code in _CODE.findall(plain) for text in _spoken(code)]
    plain = _EXAMPLE.sub(" ", _CODE.sub("\x00", plain))
    attributes = _READ.findall(plain)
    texts = re.sub(r"<[^>]*>", "\n", plain).replace("\x00", " ").split("\n")
    found = [*attributes, *(_PARAMETER.sub("", text) for text in texts)]
    return [*literals, *(text.strip() for text in found if set(_WORD.findall(text)) - NAMES)]


def _spoken(code: str) -> list[str]:
    """Literals of several words in code that `_` does not take."""
    marked = re.sub(r'_\(\s*"[^"]*"', "", code)
    return [text for text in _LITERAL.findall(marked) if _SENTENCE.search(text)]


@pytest.mark.parametrize("template", [*sorted(TEMPLATES.glob("*.html")), SHARED], ids=lambda path: path.name)
def test_no_visible_text_of_a_template_stands_outside_of_a_translation(template: Path) -> None:
    assert unmarked(template.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ("<p>Come in</p>", "Come in"),
        ('<p aria-label="A table">{{ x }}</p>', "A table"),
        ('<p>{{ "not yet" if a else b }}</p>', "not yet"),
        ("<p>{{ _('x') }} until {{ day }}</p>", "until"),
        ('{{ field("name", "Your name") }}', "Your name"),
    ],
)
def test_a_text_that_nobody_marked_is_found(planted: str, told: str) -> None:
    assert told in " ".join(unmarked(planted))


@pytest.mark.parametrize(
    "harmless",
    [
        '<p>{{ _("Come in") }}</p>',
        "<p>{% trans day=d %}until {{ day }}{% endtrans %}</p>",
        '<p class="two words" data-key="and more">{{ a }} · {{ b }}</p>',
        "<script>let text = 'not read';</script>",
    ],
)
def test_what_nobody_reads_and_what_is_marked_is_fine(harmless: str) -> None:
    assert unmarked(harmless) == []


def unspoken(source: str) -> list[str]:
    """Sentences of Python that reach a reader past `_`: in messages, refusals and their remedies."""
    told = []
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and _reaches_a_reader(call.func):
            for each in (*call.args, *(keyword.value for keyword in call.keywords)):
                literal = each.value if isinstance(each, ast.Constant) else None
                text = ast.unparse(each) if isinstance(each, ast.JoinedStr) else literal
                if isinstance(text, str) and _SENTENCE.search(text):
                    told.append(text)
    return told


def _reaches_a_reader(called: ast.expr) -> bool:
    if isinstance(called, ast.Name):
        return called.id in {"Refused", "Permission"}
    return isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "messages"


def test_nothing_that_the_sites_python_tells_a_reader_stands_outside_of_a_translation() -> None:
    found = {path.name: unspoken(path.read_text(encoding="utf-8")) for path in sorted((WEB / "views").glob("*.py"))}
    found |= {path.name: unspoken(path.read_text(encoding="utf-8")) for path in sorted(WEB.glob("*.py"))}
    assert {name: told for name, told in found.items() if told} == {}


def test_a_message_that_nobody_marked_is_found() -> None:
    assert unspoken('raise Refused("not for you", remedy=_("Ask."))') == ["not for you"]
    assert unspoken('messages.success(request, f"{n} people were told")') == ["f'{n} people were told'"]
    assert unspoken('messages.success(request, _("All were told"))') == []


def test_the_catalogues_are_current_and_each_language_has_every_text() -> None:
    check = subprocess.run(
        [sys.executable, "-m", "docs.catalogues", "--check"], cwd=REPO, capture_output=True, text=True, check=False
    )
    assert check.stdout.strip() == "", "run `python -m docs.catalogues`, then translate what it names"
    assert check.returncode == 0


def test_what_is_missing_doubtful_or_damaged_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REPO))
    from babel.messages.catalog import Catalog
    from docs.catalogues import problems

    planted = Catalog(locale="de", fuzzy=False)
    planted.add("Sign in", "")
    planted.add("Sign out", "Abmelden", flags=["fuzzy"])
    planted.add("until %(day)s", "bis %(tag)s")
    planted.add('<a href="%(url)s">here</a>', '<a href="#" data-x="%(url)s">hier</a>')
    planted.add(("%(n)s gap", "%(n)s gaps"), ("%(n)s Lücke", ""))
    planted.add("fine %(n)s", "gut %(n)s")
    found = list(problems(planted))
    assert [line.partition(":")[0] for line in found] == [
        "not translated",
        "fuzzy",
        "other placeholders",
        "other markup",
        "not translated",
    ]
