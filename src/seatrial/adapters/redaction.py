"""What must never be read by anybody: removed from every message that leaves an adapter."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from seatrial.spec.system import System

_MASK: Final = "[secret]"
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/\s@'\"]*@")
_HEADER: Final = re.compile(r"(?i)\b(authorization|proxy-authorization|cookie|x-api-key)(['\"]?\s*[:=]\s*)[^\r\n,;]+")
_PARAMETER: Final = re.compile(
    r"(?i)([?&;](?:[\w.-]*(?:token|secret|password|passwd|signature|api[-_]?key)|key|sig|pwd)=)[^&\s#'\"]+"
)
_SECRET_NAME: Final = re.compile(r"(?i)(token|secret|password|passwd|pwd|signature|sig$|key$)")
_HARMLESS: Final = frozenset({"accept", "accept-language", "content-type", "user-agent"})
_SHORT: Final = 4
_TOKEN: Final = 8


class Redactor:
    """Removes known secrets, plain, quoted and encoded, and whatever looks like a credential in a URL or header."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if secret.strip() for form in _forms(secret)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        # A short secret is masked as a whole word only, or every message would become unreadable.
        spelled = [
            re.escape(form) if len(form) >= _SHORT else rf"(?<!\w){re.escape(form)}(?!\w)" for form in longest_first
        ]
        self._known = re.compile("|".join(spelled)) if spelled else None

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        if self._known is not None:
            text = self._known.sub(_MASK, text)
        text = _CREDENTIALS.sub(f"{_MASK}@", text)
        text = _HEADER.sub(rf"\1\2{_MASK}", text)
        return _PARAMETER.sub(rf"\1{_MASK}", text)


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    if len(secret) >= _SHORT:
        yield base64.b64encode(secret.encode()).decode("ascii")


def _secret_values(headers: Mapping[str, str]) -> Iterator[str]:
    """What headers carry, whole and after a scheme such as Bearer; those that are harmless by name are left out."""
    for name, value in headers.items():
        if name.lower() not in _HARMLESS and value.strip():
            yield value
            yield value.split()[-1]


def secrets_of(system: System) -> tuple[str, ...]:
    """The secrets that stand in the declared system itself: page routes, header values, credentials in URLs."""
    found = list(_secret_values(system.model.headers))
    urls = [system.model.endpoint, system.model.mlflow, system.model.openai, system.model.identity]
    for source in (system.data.training, system.data.evaluation, system.data.live):
        urls.append(source.source if source is not None else None)
    for section in system.integrations.values():
        for end in (section.test, section.production):
            if end is not None:
                urls.append(end.url)
                found += _secret_values(end.headers)
                # A key is many lines, and each of them tells a part.
                key = end.private_key or ""
                found += [line for line in key.splitlines() if len(line) >= _TOKEN and "-----BEGIN" in key]
    judge = system.adversarial.chat.judge
    if judge is not None:
        urls.append(judge.openai)
        found += _secret_values(judge.headers)
    for outlet in system.watch.outlets:
        found.append(outlet.secret or "")
        found += secrets_in_url(outlet.url, route=outlet.to == "webhook")
    for url in urls:
        found += secrets_in_url(url or "")
    for person in system.people.values():
        for route in (person.page, person.test_page):
            found += [route, *secrets_in_url(route, route=True)] if route else []
    return tuple(dict.fromkeys(secret for secret in found if secret))


def secrets_in_url(url: str, *, route: bool = False) -> tuple[str, ...]:
    """Credentials and secret-looking parameters of a URL; of a page `route` its tokens too."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return (url,)
    found = []
    if "@" in parts.netloc:
        userinfo = parts.netloc.rpartition("@")[0]
        user, _, password = userinfo.partition(":")
        found += [userinfo, unquote(password)] if password else [user, unquote(user)]
    found += [value for name, value in parse_qsl(parts.query) if route or _SECRET_NAME.search(name)]
    if route:
        # Chat and incident services keep their tokens in the host or the path.
        host = parts.netloc.rpartition("@")[2].partition(":")[0]
        places = [host, *parts.path.split("/")]
        found += [unquote(place) for place in places if len(place) >= _TOKEN and "." not in place]
    return tuple(secret for secret in found if secret)
