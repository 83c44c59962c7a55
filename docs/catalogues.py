"""The site's catalogues: `python -m docs.catalogues` brings them up to date, `--check` says what is stale or missing.

The source `locale/en/…/django.po` holds every text of the site and every fixed word of the vocabulary. Each other
language keeps its translations: a new text is added empty, one that is gone is dropped, and none is guessed from a
similar one. The `.mo` files that the site reads are compiled from them. Babel does it all, so that neither a
contributor nor CI needs GNU gettext.
"""

# ruff: noqa: INP001 - `docs` holds pages; this is one of its scripts

from __future__ import annotations

import argparse
import io
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1] / "src" / "seatrial"
LOCALE = ROOT / "web" / "locale"
_METHODS = [("web/**.py", "python"), ("web/templates/**.html", "jinja2"), ("present/templates/parts.html", "jinja2")]
_OPTIONS = {
    name: {"newstyle_gettext": "true", "trimmed": "false", "silent": "false"}
    for name, method in _METHODS
    if method == "jinja2"
}
_KEYWORDS: Mapping[str, tuple[int, ...] | None] = {
    "_": None,
    "later": None,
    "gettext": None,
    "ngettext": (1, 2),
}
_HEADER = """\
# Texts of the seatrial site. Made by `python -m docs.catalogues`; only the translations are written by hand.
#"""
_PLACE = re.compile(r"%\((\w+)\)s|%\((\w+)\)d")
_TAG = re.compile(r"</?\w+[^>]*>")


def source() -> Catalog:
    """Every text of the site, in the order of its sources, then the words of the vocabulary."""
    catalog = _empty("en")
    found = extract_from_dir(str(ROOT), _METHODS, _OPTIONS, keywords=_KEYWORDS, comment_tags=())
    for path, _, message, _, context in sorted(found, key=lambda each: (each[0], each[1])):
        catalog.add(message, locations=[(f"src/seatrial/{path}", 0)], context=context)
    for word in _vocabulary():
        catalog.add(word, auto_comments=["a word of the vocabulary"])
    return catalog


def languages() -> list[str]:
    """The languages with a catalogue, but for the source."""
    return sorted(folder.name for folder in LOCALE.iterdir() if folder.is_dir() and folder.name != "en")


def po(language: str) -> Path:
    """Where a language's catalogue stands."""
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def current(language: str) -> Catalog:
    """The catalogue of a language as it should be: today's texts with the translations that it has."""
    if language == "en":
        return source()
    with po(language).open("rb") as opened:
        known = read_po(opened, locale=language)
    catalog = _empty(language)
    for message in source():
        if message.id:
            there = known.get(message.id, context=message.context)
            catalog.add(
                message.id,
                there.string if there is not None else None,
                locations=message.locations,
                flags=message.flags | (there.flags if there is not None else set()),
                auto_comments=message.auto_comments,
                context=message.context,
            )
    return catalog


def written(catalog: Catalog) -> bytes:
    """The catalogue as a `.po` file."""
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=110, include_lineno=False, ignore_obsolete=True)
    return buffer.getvalue()


def compiled(catalog: Catalog) -> bytes:
    """The catalogue as the `.mo` file that the site reads."""
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def problems(catalog: Catalog) -> Iterator[str]:
    """What a reader of this language would miss: no translation, a doubtful one, lost placeholders or markup."""
    for message in catalog:
        if not message.id:
            continue
        ids: tuple[str, ...] = tuple(message.id) if isinstance(message.id, (tuple, list)) else (str(message.id),)
        said = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.fuzzy:
            yield f"fuzzy: {ids[0]!r}"
        if not all(said):
            yield f"not translated: {ids[0]!r}"
            continue
        for text in said:
            yield from (f"{what}: {ids[0]!r}: {text!r}" for what in _lost(ids, str(text)))


def _lost(ids: tuple[str, ...], text: str) -> Iterator[str]:
    if _placeholders(text) != _placeholders(ids[-1]):
        yield "other placeholders"
    if sorted(_TAG.findall(text)) != sorted(_TAG.findall(ids[-1])):
        yield "other markup"


def _placeholders(text: str) -> set[str]:
    return {found[0] for found in _PLACE.finditer(text)}


def stale() -> list[str]:
    """The files that `python -m docs.catalogues` would change."""
    return [
        str(path.relative_to(ROOT))
        for path, content in _files().items()
        if not path.exists() or path.read_bytes() != content
    ]


def _files() -> dict[Path, bytes]:
    files = {po("en"): written(source())}
    for language in languages():
        catalog = current(language)
        files |= {po(language): written(catalog), po(language).with_suffix(".mo"): compiled(catalog)}
    return files


class _Plain(Catalog):
    """A catalogue whose header holds what readers need, and nothing that changes with time or machine."""

    def _get_mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Language", str(self.locale_identifier)),
            ("Plural-Forms", self.plural_forms),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
        ]

    mime_headers = property(_get_mime_headers)


def _empty(language: str) -> Catalog:
    return _Plain(locale=language, header_comment=_HEADER, fuzzy=False, charset="utf-8")


def vocabulary() -> Iterator[str]:
    """The fixed words of the core that pages show: each language has a translation of each."""
    from seatrial.app.drilling.history import STATES
    from seatrial.app.proposing.connecting import EXPECTS
    from seatrial.app.proposing.interview import HARMS, PARTS, TASKS
    from seatrial.core.vocabulary import Assurance
    from seatrial.gate.catalogue import EVERY
    from seatrial.gate.gates import GATES
    from seatrial.present import words
    from seatrial.web.models import Job, Undertaking

    for titles in (words.OUTCOME_WORDS, words.DOMAIN_TITLES, words.ROLE_TITLES, words.DUTIES, words.PLACES):
        yield from titles.values()
    yield from (words.number(None), words.number(float("nan")), words.number(float("inf")))
    yield from (level.value for level in Assurance)
    for gate in GATES.values():
        yield from (gate.title, gate.question, gate.event)
    yield "deputy"
    yield from STATES
    yield from Job.STATES
    yield from Undertaking.STATES.values()
    yield from (*TASKS.values(), *HARMS.values(), *PARTS.values(), *filter(None, EXPECTS.values()))
    yield from (row.question for row in EVERY)


def _vocabulary() -> list[str]:
    from seatrial.web.settings import configure

    # The tables' classes are only read: no database is made in this folder, and none is needed.
    with tempfile.TemporaryDirectory() as folder:
        configure(Path(folder))
        return list(dict.fromkeys(vocabulary()))


def main() -> int:
    """Write the files, or with `--check` name what is stale or missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 where something is stale or missing"
    )
    if not parser.parse_args().check:
        for path, content in _files().items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    found = [f"stale: {name}" for name in stale()]
    found += [f"{language}: {what}" for language in languages() for what in problems(current(language))]
    print("\n".join(found))  # noqa: T201 - the answer
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
