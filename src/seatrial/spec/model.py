"""How the model is reached, what it takes, and which parts of its answer count."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from seatrial.spec.quantities import Duration, Number
from seatrial.spec.section import Path, Section
from seatrial.spec.vendor import Vendor


class Output(Section):
    """Which fields of an answer hold the prediction and the score. `positive` is the label that is acted on."""

    prediction: str = "prediction"
    score: str | None = None
    positive: Any = 1
    classes: tuple[Any, ...] | None = None
    """The classes in the order of their scores, for a model that tells a score for each class."""
    labels: tuple[Any, ...] | None = None
    """Every label that an answer may be; without it the `classes`, and without those the labels of evaluation rows."""
    act_at: Number | None = None
    """Score at or above which the output is acted on."""
    unit: str | None = None
    """The unit of a predicted number, as people say it: `pieces`, `min`, `EUR`."""
    abstains: tuple[str, ...] = ()
    """Phrases by which the system says that it does not know (chat); where none are declared, common English ones."""


class InputField(Section):
    """One model input: its type, unit, plausible range or values, and the integration that feeds it."""

    type: Literal["number", "integer", "string", "boolean", "time"]
    name: str | None = Field(default=None, min_length=1)
    """What people call it, such as `planned departure`: said in its place wherever a condition is put in words."""
    unit: str | None = None
    minimum: Number | None = None
    maximum: Number | None = None
    values: tuple[Any, ...] | None = None
    nullable: bool = False
    fed_by: str | None = None
    known: str | None = None
    """When it is known, in words, where that is in question.

    For an input that names single rows, such as an order number: what is looked up by it, and when that is known. For
    two numbers that give the label together, such as an area and a price: of both; live rows must have them, and
    `fed_by` must say where they come from.
    """


def _form_of_inputs(value: object) -> str:
    return "inline" if isinstance(value, dict) else "file"


class Chat(Section):
    """How an OpenAI-compatible endpoint is asked: everything around the model that makes it this application."""

    name: str
    """The model's name, as the endpoint knows it."""
    system: Path | None = None
    """The system prompt, a text file; `{{field}}` stands for an input."""
    template: Path | None = None
    """The user's message, a text file with `{{field}}`; without it the inputs are sent as they are."""
    context: str | None = None
    """The input that holds what was retrieved for the question: text that others write and the application reads."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Sent with every request: `temperature`, `max_tokens`, `seed`, `logprobs`, …"""
    tools: Path | None = None
    """The tools that are offered, a JSON file with the list that the application sends."""
    stream: bool = False
    """Ask for a stream of events, as the application does."""
    parallel: int = Field(default=4, ge=1, le=64)
    """Requests at once."""
    attempts: int = Field(default=5, ge=1, le=20)
    """How often a request that the endpoint turns away (429) is sent."""


class ModelSection(Section):
    """How the model is reached. Exactly one of `endpoint`, `mlflow`, `onnx`, `python`, `openai`, `recorded`."""

    endpoint: str | None = None
    """A URL that takes rows in the form that `protocol` names."""
    protocol: Literal["records", "columns", "split", "arrow", "kserve-v2", "json-lines", "csv"] | None = None
    """How rows travel: JSON records when nothing is said; Arrow is the fastest. For `mlflow`: records, split, columns.

    A SageMaker-shaped endpoint (`…/invocations`) takes `csv` or `json-lines`.
    """
    mlflow: str | None = None
    """URL of MLflow's scoring server, or the directory of a saved model, which its own process loads."""
    onnx: Path | None = None
    """An ONNX file, which its own process runs."""
    python: str | None = None
    """`path/to/file.py:name`, a callable or an object with `predict`; it runs in its own process."""
    openai: str | None = None
    """Base URL of an OpenAI-compatible endpoint, such as `http://127.0.0.1:8080/v1`; `chat` says how it is asked."""
    chat: Chat | None = None
    knowledge: tuple[Path, ...] = ()
    """The text files that it answers from, such as the pages of a knowledge base."""
    recorded: Path | None = None
    """A table with the inputs and the past predictions of a model that cannot be asked; `vendor` says whose."""
    vendor: Vendor | None = None
    identity: str | None = None
    """URL or, for `python`, a callable, that tells the version served; `URL#etag` is a header of its answer.

    Not needed where the model is a file or a directory, or where the server's metadata name a version (`kserve-v2`).
    """
    task: Literal["binary", "multiclass", "regression", "text", "chat", "extraction"]
    inputs: (
        Annotated[
            Annotated[Path, Tag("file")] | Annotated[dict[str, InputField], Tag("inline")],
            Discriminator(_form_of_inputs),
        ]
        | None
    ) = None
    """A JSON file or inline: field name to its declaration."""
    output: Output = Output()
    headers: dict[str, str] = Field(default_factory=dict)
    timeout: Duration = 10.0
    batch: int = Field(default=256, ge=1)
    test_endpoint: bool = False
    """True when this endpoint may be given faulty and heavy input."""

    @property
    def ours(self) -> bool:
        """True when the model runs in a process that seatrial starts, so that nobody else is served by it."""
        return bool(self.python or self.onnx or (self.mlflow and "://" not in self.mlflow))


MODEL_ADDRESSES = ("endpoint", "mlflow", "onnx", "python", "openai", "recorded")
"""The keys of `ModelSection` that say how the model is reached."""
