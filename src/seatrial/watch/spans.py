"""OpenTelemetry's spans of generative models, as OTLP over HTTP in JSON, read as predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from seatrial.core.errors import Malformed

ID = "seatrial.id"
"""An attribute by which the outcome will name the prediction; without it, trace and span together."""
_MODELS = ("gen_ai.response.model", "gen_ai.request.model")
_ANSWERS = ("gen_ai.output.messages", "gen_ai.completion")
_QUESTIONS = ("gen_ai.input.messages", "gen_ai.prompt")


def events_of_spans(body: bytes, *, media_type: str) -> Iterator[Mapping[str, Any]]:
    """The spans that carry `gen_ai.*` attributes, as events; other spans are none of a watch's business.

    Raises Malformed for a body that is no OTLP in JSON.
    """
    if "json" not in media_type:
        raise Malformed(
            f"spans come as {media_type or 'nothing'}",
            remedy="Set OTEL_EXPORTER_OTLP_PROTOCOL to http/json.",
        )
    try:
        document = orjson.loads(body)
        spans = [
            span
            for resource in document["resourceSpans"]
            for scope in resource.get("scopeSpans", ())
            for span in scope.get("spans", ())
        ]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise Malformed(
            f"the body is no OTLP trace in JSON: {error}", remedy="Send what an OTLP exporter sends."
        ) from None
    return iter([each for each in map(_read, spans) if each is not None])


def _read(span: Any) -> Mapping[str, Any] | None:
    """The span as an event; one that cannot be read becomes an event that is refused by itself."""
    try:
        return _event(span)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return {"kind": "prediction"}


def _event(span: Mapping[str, Any]) -> Mapping[str, Any] | None:
    attributes = {each["key"]: _value(each.get("value") or {}) for each in span.get("attributes", ())}
    if not any(key.startswith("gen_ai.") for key in attributes):
        return None
    start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
    answer = _first(attributes, _ANSWERS)
    return {
        "kind": "prediction",
        "id": str(attributes.get(ID) or f"{span['traceId']}-{span['spanId']}"),
        "at": datetime.fromtimestamp(end / 1e9, UTC).isoformat(),
        # A span whose content is not recorded still tells that the model answered, and how long it took.
        "prediction": "" if answer is None else answer,
        "latency_s": max(0.0, (end - start) / 1e9),
        **({"model": model} if (model := _first(attributes, _MODELS)) else {}),
        "inputs": {
            **({"question": question} if (question := _first(attributes, _QUESTIONS)) is not None else {}),
            **{key: value for key, value in attributes.items() if key.startswith("gen_ai.usage.")},
        },
    }


def _first(attributes: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((attributes[name] for name in names if name in attributes), None)


def _value(value: Mapping[str, Any]) -> Any:
    if "intValue" in value:
        return int(value["intValue"])
    if "arrayValue" in value:
        return [_value(each) for each in value["arrayValue"].get("values", ())]
    if "kvlistValue" in value:
        return {each["key"]: _value(each.get("value") or {}) for each in value["kvlistValue"].get("values", ())}
    return next(iter(value.values()), None)
