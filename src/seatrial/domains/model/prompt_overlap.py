"""Applications that answer questions: whether the evaluation's stand in their prompts, or in what they answer from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from seatrial.core.check import Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.domains.scored.rows import Rows
from seatrial.domains.scored.text_features import normalised, texts_of
from seatrial.spec.model import InputField
from seatrial.spec.system import System
from seatrial.stats import proportions

CODES: Mapping[str, str] = {
    "prompts-searched": "No training data are declared; the evaluation's questions were looked for in the prompts.",
    "question-in-prompt": "Questions of the evaluation stand in the system prompt or in the template as examples.",
    "question-in-knowledge": "Questions of the evaluation stand word for word in what the system answers from.",
    "prompt-unreadable": "A prompt, or a text that it answers from, cannot be read and was not searched.",
}
_FEWEST_WORDS = 4
_SHOWN = 5
_MOST_IN_PROMPT = 0.01
_ALPHA = 0.05
_KNOWN = "A question that stands in the knowledge base shows that the system can look up, not that it can answer."

_WHY = "A question whose answer stands in the prompt shows that the model can copy, not that it can answer."


def prompt_overlap(
    system: System, trial: Trial, inputs: Mapping[str, InputField], rows: Rows
) -> tuple[tuple[Finding, ...], int] | None:
    """What was found, and how many texts were searched. None where neither prompts nor knowledge are declared."""
    chat, knowledge = system.model.chat, system.model.knowledge
    files = [] if chat is None else [path for path in (chat.system, chat.template) if path]
    if not files and not knowledge:
        return None
    findings: list[Finding] = []
    searched: list[str] = []
    for code, paths in (("question-in-prompt", files), ("question-in-knowledge", knowledge)):
        texts: dict[str, str] = {}
        for path in paths:
            try:
                texts[path] = f" {normalised(trial.files.read(path).decode('utf-8', 'replace'))} "
            except SeatrialError as error:
                findings.append(_unreadable(path, error.what))
        for name in inputs:
            if (chat is None or name != chat.context) and name in rows.columns and texts:
                findings += _of_field(name, rows, texts, code)
        searched += texts
    if system.data.training is None:
        findings.append(_searched(searched))
    return tuple(findings), len(searched)


def _searched(paths: Sequence[str]) -> Finding:
    shown = ", ".join(paths[:_SHOWN]) + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")
    return Finding(
        code="prompts-searched",
        weight=Weight.NOTE,
        summary=f"no training data are declared; the questions were looked for in {shown or 'nothing'}. What the "
        "language model itself was trained on, only its maker knows",
        fields=("data.training",),
        why="The copies that matter here are the examples in the prompts, and what the system answers from.",
    )


def _of_field(name: str, rows: Rows, prompts: Mapping[str, str], code: str) -> Iterator[Finding]:
    texts = texts_of(rows.columns[name])
    if texts is None:
        return
    plain = [normalised(text) for text in texts.distinct]
    places = [
        [path for path, prompt in prompts.items() if f" {text} " in prompt]
        if len(text.split()) >= _FEWEST_WORDS
        else []
        for text in plain
    ]
    told = [bool(found) for found in places] + [False]
    copies = sum(told[code] for code in texts.codes.tolist())
    if not copies:
        return
    where = sorted({path for found in places for path in found})
    least = float(proportions.lower(copies, texts.n, _ALPHA))
    known = code == "question-in-knowledge"
    yield Finding(
        code=code,
        weight=Weight.GAP if least > _MOST_IN_PROMPT else Weight.NOTE,
        summary=f"{copies} of {texts.n} evaluation rows ({percent(copies / texts.n)}) have a {name} that stands word "
        f"for word in {', '.join(where[:_SHOWN])}",
        fields=(name,),
        remedy="Take these rows out of the evaluation data, ask as users ask, and evaluate anew."
        if known
        else "Take the examples out of the prompts, or these rows out of the evaluation data, and evaluate anew.",
        why=_KNOWN if known else _WHY,
        detail={"copies": copies, "rows": texts.n, "lower": least},
    )


def _unreadable(path: str, what: str) -> Finding:
    return Finding(
        code="prompt-unreadable",
        weight=Weight.OPEN,
        summary=f"{path} cannot be read: {what}",
        fields=("model.chat",),
        remedy="Bring the file back, or correct model.chat and model.knowledge.",
        why=_WHY,
    )
