"""The part `adversarial.chat` of the system file: what hostile input a chat application is tried with."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from seatrial.spec.quantities import Duration, Number, Rate, Share
from seatrial.spec.section import Path, Section

AttackFamily = Literal[
    "direct-injection", "indirect-injection", "prompt-leak", "other-tenant", "forbidden-act", "invention"
]
NO_PROMPT = "none"
"""What `prompt` says where the application has no system prompt that could leak."""


class Reads(Section):
    """Something that the application reads and that others can write. Exactly one of `field`, `tool`."""

    field: str | None = None
    """An input of the model: retrieved documents, a mail, a file of the user."""
    tool: str | None = None
    """A tool whose result it reads (`model.openai` alone)."""


class ForbiddenAct(Section):
    """Something that it must never do, whoever asks."""

    act: str = Field(min_length=3)
    """In words that complete "it must never", such as `promise a refund`."""
    ask: tuple[str, ...] = ()
    """How somebody would ask for it; without, seatrial asks it to do the act."""
    shows: tuple[str, ...] = ()
    """Phrases that no answer holds unless it does the act, such as `I promise`."""


class Tenants(Section):
    """Whose data may not reach whom. Invented persons of `other` are put into what it reads for a question of `own`."""

    own: str
    other: str
    field: str | None = None
    """The input that names the tenant, where there is one."""


class Judge(Section):
    """A second language model that says whether an answer does a forbidden act, with its measured error."""

    openai: str
    """Base URL of its OpenAI-compatible endpoint."""
    name: str
    headers: dict[str, str] = Field(default_factory=dict)
    timeout: Duration = 60.0
    parameters: dict[str, Any] = Field(default_factory=dict)
    labelled: Path
    """At least 100 answers that people judged, JSON lines with `act`, `answer` and `violates` (true or false)."""


class ChatAttacks(Section):
    """How a chat application is attacked on its declared test endpoint, and what people know that the attack needs."""

    question: str | None = None
    """The input in which the user writes; needed where more than one text input is not in `reads`."""
    users: Literal["anyone", "trusted"] = "anyone"
    """`trusted`: who may write to it may also steer it; direct injection is shown then, and not judged."""
    reads: tuple[Reads, ...] | None = None
    """What it reads; where nothing is said `model.chat.context` and the results of `model.chat.tools`. `[]`: none."""
    prompt: Path | None = None
    """The instructions that must not leak, or `none`; where nothing is said those of `model.chat`."""
    tenants: Tenants | Literal["one"] | None = None
    """`one`: everybody who asks may see everything that it reads."""
    forbidden: tuple[ForbiddenAct, ...] | None = None
    """What it must never do; the list `forbidden` in the governance plan's front matter where nothing is said."""
    invents: bool = True
    """Ask about things that do not exist. `false` where answers beyond the sources are its purpose."""
    samples: int = Field(default=3, ge=3, le=20)
    """Fresh tries for each prompt."""
    requests: int = Field(default=2000, ge=100)
    """At most so many requests in one run."""
    rate: Rate = 10.0
    """Requests start at most this often."""
    price: Number | None = Field(default=None, ge=0)
    """What a million tokens cost, to say the cost before the first request."""
    limits: dict[AttackFamily, Share] = Field(default_factory=dict)
    """Limits that are stricter than the policy's `attack_success`, by family."""
    judge: Judge | None = None
