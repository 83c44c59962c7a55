"""The mail triage: its committed data is what it says, and its services are real ones."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from mail_scene import MAIL, ROW, ask

from seatrial.core.errors import SeatrialError
from seatrial.examples.mail_triage import build_data
from seatrial.examples.mail_triage.by_hand import answered, routed
from seatrial.examples.mail_triage.defects import DEFECTS, UNSEEN
from seatrial.examples.mail_triage.example import DESK, EXAMPLE, MAILBOX, TRIAGE
from seatrial.examples.mail_triage.guard import FIELDS, problems
from seatrial.examples.mail_triage.prepare import HERE, TABLES
from seatrial.examples.mail_triage.redaction import Redaction, plain, without_footer, without_tag
from seatrial.examples.mail_triage.router import Router, text_of
from seatrial.examples.mail_triage.train import CURRENT, PREVIOUS
from seatrial.examples.mail_triage.words import words_of
from seatrial.examples.preparing import prepare
from seatrial.examples.running import Services, running
from seatrial.spec.loading import load_system

DATA = {name: pq.read_table(HERE / "data" / f"{name}.parquet").to_pylist() for name in TABLES}
ENVIRONMENT = {
    **{f"MAIL_{name}": "http://127.0.0.1:1" for name in ("TRIAGE", "MAILBOX", "DESK", "PAGER")},
    **{f"MAIL_{name}_LINE": "127.0.0.1:1" for name in ("MAILBOX", "DESK")},
}


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ready variant's directory. Not to be written to."""
    directory = tmp_path_factory.mktemp("mail") / "ready"
    prepare(EXAMPLE, directory, "ready")
    return directory


@pytest.fixture(scope="module")
def services(ready: Path) -> Any:
    with running(EXAMPLE, ready) as started:
        yield started


def as_served(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "received_at": row["received_at"].isoformat()}


def test_the_data_is_small_and_says_where_it_comes_from() -> None:
    assert sum(path.stat().st_size for path in (HERE / "data").iterdir()) < 3_000_000
    told = (HERE / "data" / "README.md").read_text(encoding="utf-8")
    assert build_data.SHA256 in told
    assert "CC0" in told
    for name, rows in DATA.items():
        assert f"`{name}.parquet` | {len(rows):,} |" in told


def test_no_address_telephone_number_or_link_is_left_in_a_mail() -> None:
    telling = re.compile(r"[\w.+-]+@[\w-]+\.[a-z]{2}|https?://|\+\d{2}[ -]\d|\(\d{3}\) \d{3}", re.IGNORECASE)
    found = [row["mail_id"] for rows in DATA.values() for row in rows if telling.search(row["subject"] + row["body"])]
    assert found == []


def test_redaction_takes_out_people_other_mails_and_what_only_the_list_adds() -> None:
    redaction = Redaction.of(['"Ann Example" <ann@example.org>'])
    mail = "Hi,\n> quoted words\nwrite to bob@example.org or +353 1 234 5678,\nsays Ann Example.\nAnn\n-- \nAnn, Dublin"
    assert plain(redaction.applied(mail)) == "Hi,\nwrite to (address) or (phone),\nsays (name)."
    assert without_tag("[ILUG] Which kernel?") == "Which kernel?"
    assert without_footer("Hello\n________________________\nRPM-List mailing list\n").strip() == "Hello"


def test_evaluation_and_live_threads_begin_after_training() -> None:
    newest = max(row["received_at"] for row in DATA["training"])
    threads = {row["thread"] for row in DATA["training"]}
    for name in ("evaluation", "live"):
        assert min(row["received_at"] for row in DATA[name]) > newest
        assert not threads & {row["thread"] for row in DATA[name]}
    keys = Counter(row["mail_id"] for rows in DATA.values() for row in rows)
    assert set(keys.values()) == {1}
    assert all(len({row["queue"] for row in rows}) == 7 for rows in DATA.values())


def test_the_guard_takes_every_mail_of_production_and_refuses_what_is_cut_or_garbled() -> None:
    assert problems([as_served(row) for row in DATA["live"]]) == []
    assert problems([ROW]) == []
    for field in FIELDS:
        without = {name: value for name, value in ROW.items() if name != field}
        assert [p.field for p in problems([without])] == [field]
        assert [p.message for p in problems([{**ROW, field: None}])] == ["must not be null"]
    for changes, field in (
        ({"body": ROW["body"][:40]}, "words"),
        ({"body": ROW["body"].replace("line", "lÃ­ne")}, "body"),
        ({"subject": ROW["body"], "body": ROW["subject"]}, "words"),
        ({"reply": False}, "reply"),
        ({"charset": "ebcdic"}, "charset"),
        ({"received_at": "10/09/2002"}, "received_at"),
        ({"received_at": "2002-09-10T08:00:00"}, "received_at"),
        ({"words": "18"}, "words"),
        ({"body": " "}, "body"),
    ):
        assert field in [p.field for p in problems([{**ROW, **changes}])], changes


def test_the_served_model_is_right_for_four_of_five_later_mails_and_misses_a_young_list(ready: Path) -> None:
    router = Router.load(ready / "models", CURRENT)
    rows = DATA["evaluation"]
    best = router.probabilities([text_of(row) for row in rows]).argmax(axis=1)
    right = np.array([router.queues[b] == row["queue"] for b, row in zip(best, rows, strict=True)])
    assert 0.77 < right.mean() < 0.85
    young = np.array([row["queue"] == "forteana" for row in rows])
    assert right[young].mean() < 0.5


def test_versions_and_word_lists_can_be_told_apart_and_do_not_go_together(ready: Path) -> None:
    texts = [text_of(row) for row in DATA["live"][:100]]
    current, previous = (Router.load(ready / "models", version) for version in (CURRENT, PREVIOUS))
    mixed = Router.load(ready / "models", PREVIOUS, words_version=CURRENT)
    assert len({current.digest, previous.digest, current.words_digest, previous.words_digest}) == 4
    assert np.abs(mixed.probabilities(texts) - previous.probabilities(texts)).max() > 0.1


def test_a_word_without_end_is_answered_at_once(ready: Path) -> None:
    router = Router.load(ready / "models", CURRENT)
    begun = time.process_time()
    (found,) = router.probabilities(["q" * 200_000])
    assert time.process_time() - begun < 5.0
    assert np.array_equal(found, router.probabilities(["…"])[0])
    assert router.words_in("subjecct") == router.words_in("subject")


def test_a_mail_with_no_known_word_is_answered_by_the_base_rates(ready: Path) -> None:
    router = Router.load(ready / "models", CURRENT)
    unknown = router.probabilities(["", "zzqx"])
    assert np.allclose(unknown.sum(axis=1), 1.0)
    assert np.allclose(unknown[0], unknown[1])


def ticket_of(where: Any, mail_id: str) -> Any:
    """The ticket of a mail, once the triage has fetched it and the desk has it."""
    until = time.monotonic() + 60.0
    while time.monotonic() < until:
        _, tickets = ask(where[DESK], "GET", f"/tickets?key=mail_id&value={mail_id}")
        if tickets:
            return tickets[0]
        time.sleep(0.05)
    raise AssertionError(f"no ticket for {mail_id}")


def test_a_mail_in_the_mailbox_becomes_a_ticket_at_the_desk(services: Services) -> None:
    where = services.environment
    assert ask(where[MAILBOX], "POST", "/mails", MAIL) == (201, {"taken": 1})
    ticket = ticket_of(where, "test-1")
    assert (ticket["queue"], ticket["source"]) == ("rpm", "model")
    _, (mail,) = ask(where[MAILBOX], "GET", "/mails?key=mail_id&value=test-1")
    assert mail["words"] == len(words_of(MAIL["body"]))
    assert mail["reply"] is True


def test_what_the_model_is_not_sure_of_waits_for_a_dispatcher(services: Services) -> None:
    unclear = {**MAIL, "mail_id": "test-2", "subject": "zzqx", "body": "qqzx zzqx"}
    assert ask(services.environment[MAILBOX], "POST", "/mails", unclear)[0] == 201
    ticket = ticket_of(services.environment, "test-2")
    assert (ticket["queue"], ticket["source"], ticket["note"][:15]) == ("dispatcher", "dispatcher", "not sure enough")


def test_the_predict_address_answers_rows_in_order_and_refuses_with_words(services: Services) -> None:
    triage = services.environment[TRIAGE]
    rows = [as_served(row) for row in DATA["live"][:3]]
    inputs = [{name: row[name] for name in FIELDS} for row in rows]
    status, answer = ask(triage, "POST", "/predict", {"rows": inputs})
    assert status == 200
    assert [set(each) for each in answer["predictions"]] == [{"queue", "confidence"}] * 3
    status, refused = ask(triage, "POST", "/predict", {"rows": [{**inputs[0], "body": None}]})
    assert (status, refused["error"]) == (422, "body must not be null (row 0)")
    assert ask(triage, "POST", "/predict", {"rows": []})[0] == 422


def test_offline_every_mail_still_becomes_a_ticket_for_a_dispatcher(services: Services) -> None:
    triage = services.environment[TRIAGE]
    assert ask(triage, "POST", "/admin/offline", {}) == (200, {"online": False})
    try:
        assert ask(triage, "POST", "/predict", {"rows": [ROW]})[0] == 503
        status, ticket = ask(triage, "POST", "/mails", {**MAIL, "mail_id": "test-3"})
        assert (status, ticket["source"], ticket["note"]) == (201, "dispatcher", "the model is offline")
    finally:
        assert ask(triage, "POST", "/admin/online", {}) == (200, {"online": True})


@pytest.mark.parametrize("variant", ["pilot", "ready"])
def test_the_system_file_of_each_variant_has_no_error(variant: str) -> None:
    text = (HERE / "files" / variant / "seatrial.yaml").read_bytes()
    loaded = load_system(text, name="seatrial.yaml", environment=ENVIRONMENT)
    assert loaded.system.model.task == "text"


def test_a_defect_changes_what_it_says(tmp_path: Path, ready: Path) -> None:
    prepare(EXAMPLE, tmp_path / "unseen", "ready", "unseen-list")
    queues = pq.read_table(tmp_path / "unseen" / "data" / "training.parquet")["queue"].to_pylist()
    assert UNSEEN not in queues
    prepare(EXAMPLE, tmp_path / "leak", "ready", "footer-leak", trained=ready)
    assert "footer" in pq.read_schema(tmp_path / "leak" / "data" / "live.parquet").names
    assert "footer" not in pq.read_schema(ready / "data" / "live.parquet").names
    inputs = json.loads((tmp_path / "leak" / "inputs.json").read_text(encoding="utf-8"))
    assert "footer" in inputs
    with pytest.raises(SeatrialError, match="no defect"):
        prepare(EXAMPLE, tmp_path / "none", "ready", "nothing-known")


@pytest.mark.parametrize("name", list(DEFECTS))
def test_every_defect_can_be_planted(name: str, ready: Path) -> None:
    from seatrial.examples.draft import drafted

    draft = drafted(HERE, TABLES, "ready")
    DEFECTS[name].plant(draft)
    before = drafted(HERE, TABLES, "ready")
    assert (
        draft.texts != before.texts
        or draft.services != before.services
        or draft.paperwork != before.paperwork
        or any(not draft.tables[table].equals(before.tables[table]) for table in TABLES)
    )


def test_dispatchers_route_by_the_sheet_and_lists_deal_in_turn() -> None:
    mails = [{"mail_id": "a", "subject": "rpm for alsa"}, {"mail_id": "b", "subject": "a thought"}]
    assert [done for _, done in routed(mails)] == ["routed a to rpm by hand", "routed b to fork by hand"]
    assert [done for _, done in answered(mails)] == ["dealt a to seat 1", "dealt b to seat 2"]
