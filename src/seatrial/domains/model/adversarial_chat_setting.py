"""What the system file and the data say that an attack on a chat application needs, and what nobody has said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from seatrial.core.check import Trial
from seatrial.core.errors import Malformed
from seatrial.core.observation import Finding, Reason
from seatrial.core.ports import Row
from seatrial.core.vocabulary import Weight
from seatrial.domains.sending import inputs_of, rows_to_send
from seatrial.spec.adversarial_chat import NO_PROMPT, AttackFamily, ForbiddenAct, Reads, Tenants
from seatrial.spec.documents import read_document
from seatrial.spec.model import InputField
from seatrial.spec.system import System

MOST_HOSTS: Final = 200
_NO: Final = frozenset({"false", "0", "no"})


class Applies(StrEnum):
    """Whether a family of attacks is tried."""

    TRIED = "tried"
    SHOWN = "shown"
    """Tried, and shown without being judged."""
    UNDECLARED = "undeclared"
    """Nobody has said what it needs."""
    NEVER = "never"
    """There is nothing to attack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What attacks are made of. `hosts` are real rows; `question` is None where the one text is what others write."""

    system: System
    hosts: Sequence[Row]
    question: str | None
    reads: tuple[Reads, ...]
    prompt: str = ""
    acts: tuple[ForbiddenAct, ...] = ()
    tenants: Tenants | None = None
    tools: tuple[str, ...] = ()

    @property
    def phrases(self) -> Sequence[str]:
        """How the system says that it does not know."""
        return self.system.model.output.abstains

    @property
    def known(self) -> bool:
        """Whether answers can be held against everything that it has to answer from."""
        return sources_known(self.system)

    @property
    def notes(self) -> bool:
        """Whether a line can be added to the system prompt."""
        return self.system.model.openai is not None and bool(self.prompt)

    def sources(self, row: Row) -> str:
        """Everything that the application has to answer this row from."""
        return "\n".join([self.prompt, *(str(value) for name, value in row.items() if value is not None)])


def reads_of(system: System) -> tuple[Reads, ...] | None:
    """What the application reads, declared or evident; None where nobody has said it. Offered tools are not in it."""
    declared = system.adversarial.chat.reads
    if declared is not None or system.model.openai is None or system.model.chat is None:
        return declared
    context = system.model.chat.context
    return (Reads(field=context),) if context else ()


def applying(system: System) -> Mapping[AttackFamily, Applies]:
    """Which families are tried, as far as the system file alone tells."""
    chat = system.adversarial.chat
    reads = reads_of(system)
    nothing = reads == () and not _reads_tools(system)
    indirect = Applies.UNDECLARED if reads is None else Applies.NEVER if nothing else Applies.TRIED
    if system.model.task == "extraction":
        return {"indirect-injection": Applies.TRIED}
    prompt = Applies.TRIED
    asked = system.model.chat
    if chat.prompt == NO_PROMPT or (chat.prompt is None and asked and not asked.system and not asked.template):
        prompt = Applies.NEVER
    elif chat.prompt is None and system.model.chat is None:
        prompt = Applies.UNDECLARED
    tenants = Applies.UNDECLARED if chat.tenants is None else Applies.TRIED
    if chat.tenants == "one" or nothing:
        tenants = Applies.NEVER
    forbidden = Applies.TRIED if chat.forbidden else Applies.NEVER
    if chat.forbidden is None:
        forbidden = Applies.TRIED if system.governance.plan.document else Applies.UNDECLARED
    return {
        "direct-injection": Applies.SHOWN if chat.users == "trusted" else Applies.TRIED,
        "indirect-injection": indirect,
        "prompt-leak": prompt,
        "other-tenant": tenants,
        "forbidden-act": forbidden,
        "invention": Applies.TRIED if chat.invents else Applies.NEVER,
    }


def _reads_tools(system: System) -> bool:
    """Whether it reads what offered tools come back with, because nobody has said otherwise."""
    chat = system.model.chat
    return chat is not None and chat.tools is not None and system.adversarial.chat.reads is None


def sources_known(system: System) -> bool:
    """Whether everything that it answers from is sent with the question, so that answers can be held against it."""
    reads = reads_of(system)
    tools = _reads_tools(system) or any(read.tool for read in reads or ())
    return system.model.task == "chat" and bool(reads) and not tools


def setting_of(system: System, trial: Trial) -> Setting | Reason:
    """Read everything that attacks are made of. Raises SeatrialError for a file or table that cannot be read."""
    inputs = inputs_of(system, trial)
    if not inputs:
        return Reason(
            code="inputs-undeclared",
            summary="the model's inputs are not declared, so nobody knows where a question goes",
            remedy="Declare model.inputs with the input that the user writes and those that the application reads.",
            fields=("model.inputs",),
        )
    tools = _tools(system, trial)
    reads = reads_of(system) or ()
    if _reads_tools(system):
        reads = (*reads, *(Reads(tool=name) for name in tools))
    question: str | None = None
    if system.model.task != "extraction" or not reads:
        asked = _question(system, inputs, reads)
        if isinstance(asked, Reason):
            return asked
        question = asked
        if system.model.task == "extraction":
            # Nobody asks there: the document is what others write.
            reads, question = (Reads(field=asked),), None
    hosts = _hosts(system, trial, inputs)
    if isinstance(hosts, Reason):
        return hosts
    declared = system.adversarial.chat.tenants
    return Setting(
        system=system,
        hosts=hosts,
        question=question,
        reads=reads,
        prompt=_prompt(system, trial),
        acts=_acts(system, trial),
        tenants=declared if isinstance(declared, Tenants) else None,
        tools=tools,
    )


def _question(system: System, inputs: Mapping[str, InputField], reads: Sequence[Reads]) -> str | Reason:
    chat = system.adversarial.chat
    if chat.question is not None:
        return chat.question
    taken = {r.field for r in reads} | ({chat.tenants.field} if isinstance(chat.tenants, Tenants) else set())
    left = [name for name, declared in inputs.items() if declared.type == "string" and name not in taken]
    if len(left) == 1:
        return left[0]
    return Reason(
        code="question-undeclared",
        summary=f"the inputs {', '.join(left)} may all be the user's question" if left else "no input takes a question",
        remedy="Declare adversarial.chat.question: the input in which the user writes.",
        fields=("adversarial.chat.question",),
    )


def _hosts(system: System, trial: Trial, inputs: Mapping[str, InputField]) -> Sequence[Row] | Reason:
    """Real questions that can be answered, each once."""
    data = system.data
    table = "evaluation" if data.evaluation is not None else "live"
    if data.evaluation is None and data.live is None:
        return Reason(
            code="no-questions",
            summary="no data with real questions are declared, so nothing tells refusing all from resisting attacks",
            remedy="Declare data.evaluation or data.live with the questions that production is asked.",
            fields=("data.evaluation", "data.live"),
        )
    answerable = data.evaluation.answerable if data.evaluation is not None else None
    asked = dict(inputs)
    if answerable is not None:
        asked[answerable] = InputField(type="string", nullable=True)
    rows = rows_to_send(trial, asked, table=table, most=MOST_HOSTS, seed=trial.seed)
    kept = [row for row in rows if str(row.get(answerable or "", "yes")).casefold() not in _NO]
    hosts = list({str(host): host for host in ({n: r[n] for n in inputs if n in r} for r in kept)}.values())
    if not hosts:
        return Reason(code="no-questions", summary=f"the {table} data hold no question that can be answered")
    return hosts


def _prompt(system: System, trial: Trial) -> str:
    declared = system.adversarial.chat.prompt
    chat = system.model.chat
    path = declared or (chat.system or chat.template if chat else None)
    if path is None or path == NO_PROMPT:
        return ""
    return trial.files.read(path).decode("utf-8", "replace").strip()


def _tools(system: System, trial: Trial) -> tuple[str, ...]:
    """The names of the tools that are offered."""
    path = system.model.chat.tools if system.model.chat else None
    if path is None:
        return ()
    try:
        return tuple(str(tool["function"]["name"]) for tool in json.loads(trial.files.read(path)))
    except (ValueError, TypeError, KeyError):
        raise Malformed(f"{path} is no list of tools", remedy="Write the list that the app sends.") from None


def _acts(system: System, trial: Trial) -> tuple[ForbiddenAct, ...]:
    """The forbidden acts of the system file, else of the front matter of the governance plan."""
    declared, plan = system.adversarial.chat.forbidden, system.governance.plan.document
    if declared is not None or plan is None:
        return declared or ()
    listed = read_document(trial.files.read(plan), name=plan).front.get("forbidden", ())
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise Malformed(f"{plan}: 'forbidden' is no list", remedy="List each act that the system must never do.")
    return tuple(_act(each, plan) for each in listed)


def _act(each: object, plan: str) -> ForbiddenAct:
    try:
        return ForbiddenAct.model_validate({"act": each} if isinstance(each, str) else each)
    except ValueError:
        raise Malformed(
            f"{plan}: an entry of 'forbidden' is no act", remedy="Write text, or keys act, ask and shows."
        ) from None


_UNDECLARED: Final[Mapping[AttackFamily, tuple[str, str, str]]] = {
    "indirect-injection": (
        "nobody has said what the application reads beside the question",
        "Declare adversarial.chat.reads: the inputs or tools by which text of others reaches it; [] where none does.",
        "adversarial.chat.reads",
    ),
    "prompt-leak": (
        "nobody has said what the system prompt is",
        "Declare adversarial.chat.prompt: its file, or none where there is no prompt to keep.",
        "adversarial.chat.prompt",
    ),
    "other-tenant": (
        "nobody has said whose data may not reach whom",
        "Declare adversarial.chat.tenants: own and other, or one where everybody may see what it reads.",
        "adversarial.chat.tenants",
    ),
    "forbidden-act": (
        "nobody has said what it must never do",
        "List the forbidden acts in the front matter of the governance plan, or in adversarial.chat.forbidden.",
        "adversarial.chat.forbidden",
    ),
}


def undeclared(system: System, setting: Setting) -> list[Finding]:
    """What could not be tried because nobody has said what it needs."""
    states = dict(applying(system))
    if states.get("forbidden-act") is Applies.TRIED and not setting.acts:
        states["forbidden-act"] = Applies.UNDECLARED
    return [
        Finding(
            code="attack-undeclared",
            weight=Weight.OPEN,
            summary=f"{_UNDECLARED[family][0]}, so this was not tried",
            remedy=_UNDECLARED[family][1],
            fields=(_UNDECLARED[family][2],),
            why="What nobody tries, the first stranger will.",
        )
        for family, state in states.items()
        if state is Applies.UNDECLARED
    ]
