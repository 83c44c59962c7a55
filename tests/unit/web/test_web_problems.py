"""What went wrong is told in the site's own design and in the reader's language, whoever asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plants.site_world import World, invite, visiting


@pytest.fixture(scope="module")
def somebody(prepared: Path) -> Any:
    return invite(World(slug="", folder=prepared), "somebody@problems.example")


@pytest.mark.parametrize(("language", "said"), [("en", "There is no such page."), ("de", "Diese Seite gibt es nicht.")])
@pytest.mark.parametrize("address", ["/nowhere/at/all/", "/s/no-such-system/"])
def test_what_is_not_there_is_told_in_the_readers_language(
    somebody: Any, language: str, said: str, address: str
) -> None:
    answer = visiting(somebody).get(address, headers={"Accept-Language": language})
    text = answer.content.decode()
    assert answer.status_code == 404
    assert said in text
    assert f'<html lang="{language}">' in text
    assert "style.css" in text
    assert "Content-Security-Policy" in answer


def test_strangers_are_told_the_same_and_programs_get_json(prepared: Path) -> None:
    assert "There is no such page." in visiting(None).get("/nowhere/").content.decode()
    assert visiting(None).get("/api/nowhere/")["Content-Type"].startswith("application/problem+json")


def test_a_form_from_elsewhere_is_refused_in_words(somebody: Any) -> None:
    answer = visiting(somebody, checks_csrf=True).post("/account/", {"language": "de"})
    assert answer.status_code == 403
    assert "Nothing is on record." in answer.content.decode()
    somebody.refresh_from_db()
    assert somebody.language == ""


def test_a_failure_is_a_page_and_without_a_database_a_few_words(somebody: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    from seatrial.web.views import fleet, problems

    def broken(*_: object, **__: object) -> Any:
        raise RuntimeError("a secret detail")

    def without_database(*_: object, **__: object) -> Any:
        raise OperationalError("a secret detail")

    client = visiting(somebody)
    client.raise_request_exception = False
    monkeypatch.setattr(fleet, "page", broken)
    answer = client.get("/")
    assert answer.status_code == 500
    assert "Something failed here." in answer.content.decode()
    assert "style.css" in answer.content.decode()
    monkeypatch.setattr(problems, "page", without_database)
    last = client.get("/")
    assert last.status_code == 500
    assert "Something failed here." in last.content.decode()
    assert "secret detail" not in answer.content.decode() + last.content.decode()
