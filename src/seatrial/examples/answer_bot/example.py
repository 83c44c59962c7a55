"""Answer bot: answers questions about this product's own manual, or says that it does not know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from seatrial.examples.answer_bot.defects import DEFECTS, few_questions
from seatrial.examples.answer_bot.parts import LANGUAGE_MODEL, SEARCH
from seatrial.examples.answer_bot.prepare import HERE, TABLES, entries, finish
from seatrial.examples.example import Example, Service
from seatrial.examples.running import look, pass_on, wait_for

BOT, LLM, PORTAL, DESK, PAGER = "ANSWER_BOT", "ANSWER_LLM", "ANSWER_PORTAL", "ANSWER_DESK", "ANSWER_PAGER"
PORTAL_LINE, DESK_LINE = "ANSWER_PORTAL_LINE", "ANSWER_DESK_LINE"
TRAFFIC, TRAFFIC_WITH_LLM = 320, 2
"""Questions of the day that pass before anybody looks; few where a language model writes each answer."""
_SEARCHED_BY = ("onnxruntime", "tokenizers")
READERS = ("h01", "h04", "h07")
"""Users who have looked at their answers today."""
_ROOM = "seatrial.examples.answer_bot"


def _traffic(environment: Mapping[str, str], directory: Path) -> None:
    """Asks the newest live questions in one list, and waits for their answers, which the desk then looks at."""
    import pyarrow.parquet as pq

    live = pq.read_table(directory / "data" / "live.parquet")
    asked = entries(live, TRAFFIC_WITH_LLM if LLM in environment else TRAFFIC)
    pass_on(environment[PORTAL], "/questions/list", asked)
    wait_for(environment[DESK], "/answers", len(asked))
    look(environment[BOT], "/questions?limit=20", caller=READERS[0])
    settings = json.loads((directory / "services.json").read_text(encoding="utf-8"))
    for caller in (*READERS, *settings.get("desk", {}).get("also_read_by", ())):
        look(environment[DESK], "/answers?limit=20", caller=caller)


EXAMPLE = Example(
    name="answer-bot",
    title="Answers questions about the manual",
    folder=HERE,
    prefix="ANSWER",
    tables=TABLES,
    services=(
        Service(name="desk", module=f"{_ROOM}.desk", variable=DESK, title="help desk", line=DESK_LINE, wave=1),
        Service(name="portal", module=f"{_ROOM}.portal", variable=PORTAL, title="portal", line=PORTAL_LINE),
        Service(name="pager", module="seatrial.examples.pager", variable=PAGER, title="pager"),
        Service(name="llm_server", module=f"{_ROOM}.llm_server", variable=LLM, title="language model", only="pilot"),
        Service(name="answer_server", module=f"{_ROOM}.answer_server", variable=BOT, title="answer bot", wave=2),
    ),
    defects=DEFECTS,
    finish=finish,
    traffic=_traffic,
    preparing="indexing the manual",
    pilot=(few_questions,),
    extra="answer-bot",
    modules={"pilot": (*_SEARCHED_BY, "xllamacpp"), "ready": _SEARCHED_BY},
    parts={"pilot": (*SEARCH, LANGUAGE_MODEL), "ready": SEARCH},
)
