"""Pages: templates with the words that the dossier uses, so that site and dossier say the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import get_script_prefix, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from seatrial.core.vocabulary import Answer, Domain, GateName, MeasureKind, Outcome, Role, Sense, Weight
from seatrial.web.factors import factors_of
from seatrial.web.keys import has_key
from seatrial.web.language import LANGUAGES, Words, language, worded
from seatrial.web.remedies import remedy
from seatrial.web.sso import called

_WORDS = Words()


def environment(**options: Any) -> Environment:
    """The templates' environment, as Django's settings name it."""
    options.update(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.i18n"])
    made = Environment(**options)  # noqa: S701 - Django's backend switches autoescape on
    made.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.globals.update(
        static=static,
        url=url_of,
        words=_WORDS,
        language=language,
        languages=LANGUAGES,
        Answer=Answer,
        Domain=Domain,
        GateName=GateName,
        MeasureKind=MeasureKind,
        Outcome=Outcome,
        Role=Role,
        Sense=Sense,
        Weight=Weight,
        get_messages=get_messages,
        sso_called=called,
        has_key=has_key,
        factors_of=factors_of,
        moment=lambda text: _WORDS.moment(datetime.fromisoformat(text)),
        today=lambda: timezone.now().date(),
    )
    made.filters.update(worded=worded, remedy=remedy)
    return made


def page(
    request: HttpRequest, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """The page as an answer."""
    content = render_to_string(
        f"web/{template}", {"account": request.user, **(context or {}), "words": _WORDS}, request
    )
    return HttpResponse(content, status=status)


def drawn(template: str, macro: str, *arguments: object) -> Markup:
    """A part of a page: what a template's macro makes of these and of the words."""
    module = engines["jinja2"].env.get_template(f"web/{template}").module  # type: ignore[attr-defined]
    return cast("Markup", getattr(module, macro)(*arguments, _WORDS))


def url_of(name: str, *arguments: object) -> str:
    """The address of a page, spelled once for each place under which the site is reached."""
    return _address(get_script_prefix(), name, *arguments)


@lru_cache(maxsize=4096, typed=True)
def _address(_prefix: str, name: str, *arguments: object) -> str:
    return reverse(name, args=arguments)
