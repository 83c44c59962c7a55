"""The site's style: the dossier's own, and what pages have beside it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control

_WEB = Path(__file__).parents[1] / "templates" / "web"
_PRESENT = Path(__file__).parents[2] / "present" / "templates"


@cache_control(max_age=3600, public=True)
def style(_: HttpRequest) -> HttpResponse:
    """One sheet."""
    return HttpResponse(_sheet(), content_type="text/css; charset=utf-8")


@cache
def _sheet() -> str:
    sheets = (_PRESENT / "dossier.css", _WEB / "site.css")
    return "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
