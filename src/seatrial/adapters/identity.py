"""What is served now, asked over HTTP: the same for models and for the servers of integrations."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import rfc8785

from seatrial.adapters.http import Answer, Http, failure_in
from seatrial.core.errors import Malformed, Unreachable
from seatrial.core.observation import Json


def ask(http: Http, url: str, *, headers: Mapping[str, str], timeout_s: float) -> Json:
    """What a version address answers: JSON, one line of plain text, or the header that its fragment names.

    `http://host/ping#etag` is the header `ETag` of the answer. Raises Unreachable, Malformed.
    """
    url, _, header = url.partition("#")
    answer = http.get(url, headers=headers, timeout_s=timeout_s)
    where = url.partition("?")[0]
    if answer.status != 200:
        raise Unreachable(
            http.redact(f"{where} answered with status {answer.status} instead of a version"),
            remedy="Declare an address that tells the version that is served.",
            permanent=answer.status < 500,
        )
    if header:
        told = answer.headers.get(header.lower(), "").strip()
        if not told:
            raise Malformed(
                http.redact(f"{where} answers without the header {header}"),
                remedy="Declare a header that tells the version that is served.",
            )
        return told
    return _content(answer, http.redact(where))


def _content(answer: Answer, where: str) -> Json:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/plain":
        line = answer.body.decode("utf-8", "replace").strip()
        if line and "\n" not in line and not line.startswith("<"):
            return line
        raise Malformed(f"{where} answers text that is no version")
    try:
        content = answer.json()
    except Malformed as error:
        raise Malformed(
            f"{where} tells no version: {error.what}", remedy="It must answer JSON or one line of text."
        ) from None
    if content in (None, "", [], {}):
        raise Malformed(f"{where} tells no version: {content!r}")
    if told := failure_in(content):
        raise Malformed(
            f"{where} tells a failure instead of a version: {told}",
            remedy="Let it answer with a status of failure when it fails; an error is no version.",
        )
    return content


def probe_identity(http: Http, url: str, *, headers: Mapping[str, str], timeout_s: float) -> str:
    """The SHA-256 of the canonical answer, asked twice. Raises Unreachable, Malformed.

    Two different answers in a row are malformed: either the address tells something else than the version, such as the
    time, or two versions are served side by side, and no evidence could be bound to either.
    """
    first = digest_of(ask(http, url, headers=headers, timeout_s=timeout_s))
    if digest_of(ask(http, url, headers=headers, timeout_s=timeout_s)) != first:
        raise Malformed(
            http.redact(f"{url.partition('#')[0].partition('?')[0]} answers differently from one request to the next"),
            remedy="It must tell the version alone, and only one version may be served.",
        )
    return first


def digest_of(content: Json) -> str:
    """The SHA-256 of the canonical JSON. Raises Malformed for what JSON cannot hold."""
    try:
        return hashlib.sha256(rfc8785.dumps(content)).hexdigest()
    except rfc8785.CanonicalizationError as error:
        raise Malformed(f"the version that is told has no canonical form: {error}") from None
