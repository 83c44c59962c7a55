"""The dossier is one file that anybody can read, on any screen, without a network, and that no content can subvert."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright
from sample_verdict import FIGURES, sample

from seatrial.core.vocabulary import Answer, Outcome
from seatrial.present import words
from seatrial.present.charts import drawable, svg
from seatrial.present.dossier import dossier, groups

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def page() -> str:
    return dossier(sample())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install Debian's chromium to see the pages tested")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


def test_the_verdict_stands_at_the_top(page: str) -> None:
    body = page.split("<main>")[1]
    assert body.index("NO-GO") < body.index("Six groups at a glance") < body.index("What stands between")


def test_ownership_stands_above_all_other_groups() -> None:
    assert next(g.domain.value for g in groups(sample())) == "ownership"


def test_every_requirement_and_every_gap_is_on_the_page(page: str) -> None:
    for assessment in sample().requirements:
        assert f'id="{assessment.id}"' in page
        assert assessment.question in page
    for gap in sample().gaps:
        assert gap.remedy in page
        assert gap.owner_name in page


def test_what_blocks_go_is_open_and_what_is_established_is_folded(page: str) -> None:
    for a in sample().requirements:
        opening = re.search(rf'<details class="requirement" id="{re.escape(a.id)}"([^>]*)>', page)
        assert opening is not None
        assert (" open" in opening[1]) is (a.outcome in (Outcome.NOT_MET, Outcome.NOT_DETERMINED))


def test_the_page_needs_no_network_and_runs_no_script(page: str) -> None:
    assert "<script" not in page
    assert not re.search(r"""(?:src|href)=["'](?!#)""", page)
    assert "default-src 'none'" in page


def test_evidence_that_does_not_count_is_said_to_be_on_record_and_not_to_count() -> None:
    first, *rest = sample().requirements
    voided = dataclasses.replace(first, assurance=None, observed_at=None, valid_until=None, evidence=("ab12",))
    shown = dossier(dataclasses.replace(sample(), requirements=(voided, *rest)))
    assert f"What is on record does not count ({first.demands.value} evidence is demanded); record" in shown
    excused = dataclasses.replace(voided, outcome=Outcome.NOT_APPLICABLE)
    shown = dossier(dataclasses.replace(sample(), requirements=(excused, *rest)))
    assert "Decided by people; record" in shown
    counted = dataclasses.replace(sample(), requirements=tuple(a for a in sample().requirements if a.observed_at))
    assert "does not count" not in dossier(counted).split("What the evidence supports")[0]


def test_shares_are_pictured_as_per_cent_and_other_figures_as_they_are() -> None:
    plain = FIGURES["metric"]
    assert "70%" in svg(dataclasses.replace(plain, options={"shares": True}))
    assert "%" not in svg(plain).split("<text", 1)[1]


def test_text_from_outside_stays_text(page: str) -> None:
    assert "&lt;script&gt;alert(" in page


def test_a_demonstration_says_so_and_an_unanchored_ledger_too(page: str) -> None:
    assert "for demonstration" in page
    assert "not anchored" in page


def test_go_is_shown_as_go() -> None:
    verdict = dataclasses.replace(sample(), verdict=Answer.GO, gaps=(), sentence="GO until 30 November.")
    assert '<p class="word" id="word">GO</p>' in dossier(verdict)


def test_a_damaged_ledger_is_said_at_the_top() -> None:
    verdict = dataclasses.replace(sample(), ledger_problems=("Record 17 was altered.",))
    head = dossier(verdict).split("Six groups at a glance")[0]
    assert "Record 17 was altered." in head


@pytest.mark.parametrize("kind", [k for k in FIGURES if k != "fingerprint"])
def test_each_kind_of_figure_is_drawn_in_the_colours_of_the_page(kind: str) -> None:
    drawn = svg(FIGURES[kind])
    assert drawn.startswith("<svg")
    assert "var(--" in drawn
    assert "role=" not in drawn


def test_a_kind_without_a_drawing_is_shown_as_its_table(page: str) -> None:
    assert not drawable(FIGURES["fingerprint"])
    assert "looks like °C" in page


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_of(browser: Browser, page: str, scheme: str) -> None:
    tab = browser.new_page(color_scheme="light" if scheme == "light" else "dark")
    tab.set_content(page.replace("<details", "<details open").replace("open open", "open"))
    found = Axe().run(tab, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]})
    tab.close()
    assert found.violations_count == 0, found.generate_report()


def test_a_phone_shows_it_without_sideways_scrolling(browser: Browser, page: str) -> None:
    tab = browser.new_page(viewport={"width": 360, "height": 800})
    tab.set_content(page)
    width = tab.evaluate("document.documentElement.scrollWidth")
    tab.close()
    assert width <= 360


@pytest.mark.parametrize("width", [360, 1200])
def test_a_digest_in_a_gap_neither_widens_the_page_nor_cuts_off_the_due_date(browser: Browser, width: int) -> None:
    verdict = sample()
    gaps = tuple(dataclasses.replace(gap, summary=f"encoder is {'8d' * 40}, expected another") for gap in verdict.gaps)
    tab = browser.new_page(viewport={"width": width, "height": 800})
    tab.set_content(dossier(dataclasses.replace(verdict, gaps=gaps)))
    cut = tab.evaluate("(e => e.scrollWidth - e.clientWidth)(document.querySelector('table.gaps').parentElement)")
    whole = tab.evaluate("document.documentElement.scrollWidth")
    tab.close()
    assert cut <= 0
    assert whole <= width


def test_print_shows_what_the_screen_folds(browser: Browser, page: str, tmp_path: Path) -> None:
    tab = browser.new_page()
    tab.set_content(page)
    tab.emulate_media(media="print")
    hidden = "[...document.querySelectorAll('.requirement .body')].filter(e => !e.checkVisibility()).length"
    shut = tab.evaluate(hidden)
    tab.close()
    assert shut == 0


def test_what_a_remedy_puts_in_backquotes_is_code_and_nothing_in_it_is_markup() -> None:
    assert words.coded("Name under `owner:` who <b>answers</b>, & `<i>`; one ` stays.") == (
        "Name under <code>owner:</code> who &lt;b&gt;answers&lt;/b&gt;, &amp; <code>&lt;i&gt;</code>; one ` stays."
    )


@pytest.mark.parametrize(("last", "times"), [("Nobody knows what it costs.", 1), ("Another reason.", 2)])
def test_a_reason_that_several_findings_share_is_said_once(last: str, times: int) -> None:
    given = sample()
    first = next(a for a in given.requirements if a.findings)
    said = [dataclasses.replace(first.findings[0], why=why) for why in ("Nobody knows what it costs.", last)]
    told = dataclasses.replace(first, findings=tuple(said))
    page = dossier(
        dataclasses.replace(given, requirements=tuple(told if a.id == first.id else a for a in given.requirements))
    )
    assert page.count("Nobody knows what it costs.") + page.count("Another reason.") == times
