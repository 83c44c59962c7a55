"""The site's languages: texts, dates and numbers as the reader has them, and the record's own words in English.

What is on record (sentences of the gate, findings, remedies, the log) is written in English and read back as it stands.
The catalogue in `locale/` translates the site's texts and the fixed words of the vocabulary; what it does not hold is
shown in English and marked as such, so that a screen reader says it as English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, Final, Self

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.formats import date_format, get_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from seatrial.present import words

LANGUAGES: Final = (("en", "English"), ("de", "Deutsch"))
"""The languages that the site speaks: code, and name in the language itself."""
RECORD: Final = "en"
"""The language of everything that is put on record, of messages without a known reader, and of the API."""
_FIGURE = re.compile(r"\d[\d\N{NARROW NO-BREAK SPACE}]*(?:\.\d+)?")


class Spoken(str):
    """A text in the language of whoever asks, which knows how it reads on record."""

    __slots__ = ("english",)
    english: str

    def __new__(cls, text: str, english: str) -> Self:
        """The text as it is shown and as it is kept."""
        made = super().__new__(cls, text)
        made.english = english
        return made


def _(message: str, /, **values: object) -> str:
    """The message in the language of now, its `%(name)s` filled in: a `Spoken`, so that its English is not lost."""
    return _filled(translation.gettext(message), message, values)


def later(message: str) -> str:
    """The message as it stands, for the catalogue: `_` says it when it is known who reads."""
    return message


def ngettext(one: str, many: str, n: int, /, **values: object) -> str:
    """The same for a message about `%(n)s` things."""
    values["n"] = n
    return _filled(translation.ngettext(one, many, n), one if n == 1 else many, values)


def _filled(text: str, message: str, values: Mapping[str, object]) -> Spoken:
    if not values:
        return Spoken(text, message)
    return Spoken(text % values, message % {name: english(value) for name, value in values.items()})


def english(text: object) -> str:
    """The text as it is put on record."""
    return text.english if isinstance(text, Spoken) else str(text)


def sentences(*texts: str) -> str:
    """Texts one after the other, each as a sentence."""

    def joined(said: Iterator[str]) -> str:
        return " ".join(text if text.endswith((".", "!", "?")) else f"{text}." for text in said if text)

    return Spoken(joined(iter(texts)), joined(english(text) for text in texts))


def shortened(names: Iterable[str], most: int = 3) -> str:
    """The first of the names, and how many more there are."""
    listed = tuple(names)
    shown = ", ".join(listed[:most])
    return shown if len(listed) <= most else _("%(names)s and %(more)s more", names=shown, more=len(listed) - most)


def worded(text: object) -> str:
    """A text of the core or of the record: translated where the catalogue has it, else marked as English."""
    said = "" if text is None else str(text)
    if not said or isinstance(text, (Spoken, SafeString)) or language() == RECORD:
        return text if isinstance(text, str) else said
    translated = translation.gettext(said)
    return translated if translated != said else format_html('<span lang="{}">{}</span>', RECORD, said)


def language() -> str:
    """The code of the language of now, one of LANGUAGES."""
    spoken = (translation.get_language() or RECORD).partition("-")[0]
    return spoken if spoken in dict(LANGUAGES) else RECORD


def speaking(code: str) -> AbstractContextManager[None]:
    """Speaks the language of `code` within; the record's where it names none of ours."""
    return translation.override(code if code in dict(LANGUAGES) else RECORD)


def own_language(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Speaks the language that the account has chosen; the browser's where it chose none. The API speaks English."""

    def answered(request: HttpRequest) -> HttpResponse:
        chosen = RECORD if request.path.startswith("/api/") and request.path != "/api/" else _chosen(request)
        if not chosen:
            return get_response(request)
        with translation.override(chosen):
            response = get_response(request)
        response.headers["Content-Language"] = chosen
        return response

    return answered


def _chosen(request: HttpRequest) -> str:
    chosen = str(getattr(request.user, "language", ""))
    return chosen if chosen in dict(LANGUAGES) else ""


def day(when: date | None) -> str:
    """A date without ambiguity, in the order of the language: `11 Jan 2027`, `11. Januar 2027`."""
    if when is None or language() == RECORD:
        return words.day(when)
    return date_format(when, "DATE_FORMAT")


def moment(when: datetime | None) -> str:
    """A time of day in UTC, to the minute."""
    if when is None or language() == RECORD:
        return words.moment(when)
    there = when.astimezone(UTC)
    return f"{date_format(there, 'DATE_FORMAT')}, {date_format(there, 'TIME_FORMAT')} UTC"


def number(value: float | None, unit: str = "", *, digits: int = 3) -> str:
    """A figure with its unit, and the decimal and thousands signs of the language."""
    return _figures(words.number(value, unit, digits=digits))


def span(seconds: float) -> str:
    """A span of time in its largest fitting unit."""
    return _figures(words.span(seconds))


def _figures(said: str) -> str:
    if language() == RECORD:
        return said
    if not any(sign.isdigit() for sign in said):
        return translation.gettext(said)
    thousands, decimal = str(get_format("THOUSAND_SEPARATOR")), str(get_format("DECIMAL_SEPARATOR"))
    return _FIGURE.sub(lambda found: _signed(found[0], thousands, decimal), said)


def _signed(figure: str, thousands: str, decimal: str) -> str:
    whole, _, rest = figure.partition(".")
    whole = whole.replace("\N{NARROW NO-BREAK SPACE}", thousands)
    return f"{whole}{decimal}{rest}" if rest else whole


class Words:
    """What `seatrial.present.words` says, in the language of now: for templates that the dossier shares."""

    OUTCOME_SIGNS = words.OUTCOME_SIGNS
    day = staticmethod(day)
    moment = staticmethod(moment)
    number = staticmethod(number)
    span = staticmethod(span)

    @property
    def OUTCOME_WORDS(self) -> Mapping[Enum, str]:  # noqa: N802 - as the dossier's templates call it
        """What an outcome is called."""
        return _translated(words.OUTCOME_WORDS)

    @property
    def DOMAIN_TITLES(self) -> Mapping[Enum, str]:  # noqa: N802 - as the dossier's templates call it
        """What the six groups are called."""
        return _translated(words.DOMAIN_TITLES)

    @property
    def ROLE_TITLES(self) -> Mapping[Enum, str]:  # noqa: N802 - as the dossier's templates call it
        """What those who sign are called."""
        return _translated(words.ROLE_TITLES)

    def duty(self, named: str) -> str:
        """What a duty is called; `<duty>.deputy` is the deputy's."""
        duty, _, deputy = named.partition(".")
        said = translation.gettext(words.DUTIES[duty])
        return f"{said} ({translation.gettext('deputy')})" if deputy else said

    def place(self, named: str) -> str:
        """What a gap is about: a requirement by its id, anything else in words."""
        said = words.place(named)
        return said if said == named else translation.gettext(said)


def _translated(named: Mapping[Any, str]) -> Mapping[Enum, str]:
    return {key: translation.gettext(said) for key, said in named.items()}
