"""What all message brokers have in common: where they are, who we are there, and how what fails is told."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from seatrial.adapters.integrations.place import Place
from seatrial.adapters.redaction import Redactor, secrets_in_url
from seatrial.core.errors import Malformed, MissingExtra, Refused, Unreachable

_MOST_TOLD = 300


class Broker:
    """A broker's address. `secure` is whether TLS is spoken; its certificate is always verified."""

    def __init__(
        self, place: Place, *, schemes: Mapping[str, tuple[int, bool]], base_dir: Path, redact: Redactor
    ) -> None:
        self.place = place
        self._redactors = (redact, Redactor(secrets_in_url(place.end.url)))
        url = place.end.url
        try:
            parts = urlsplit(url)
            default, self.secure = schemes[parts.scheme.lower()]
            servers = [_server(each, default) for each in parts.netloc.rpartition("@")[2].split(",")]
        except (KeyError, ValueError):
            first, second = list(schemes)[:2]
            raise Malformed(
                f"the url of integration {place.name!r} is no address of kind {place.kind!r}",
                remedy=f"Write {self.where}.url as {first}://user:password@host:port, or {second}:// over TLS.",
            ) from None
        user, _, password = parts.netloc.rpartition("@")[0].partition(":")
        self.servers = servers
        self.user, self.password = unquote(user) or None, unquote(password) or None
        self.path = unquote(parts.path.removeprefix("/"))
        self.options = dict(parse_qsl(parts.query))
        self.ca = (base_dir / place.end.ca).resolve() if place.end.ca else None

    @property
    def host(self) -> str:
        """The first server's."""
        return self.servers[0][0]

    @property
    def port(self) -> int:
        """The first server's."""
        return self.servers[0][1]

    @property
    def where(self) -> str:
        """The end's path in the system file."""
        return f"integrations.{self.place.name}.{self.place.which}"

    def context(self) -> ssl.SSLContext | None:
        """How TLS is spoken, None where it is not. Raises Unreachable for a file of authorities that cannot be used."""
        if not self.secure:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as error:
            raise Unreachable(
                f"integration {self.place.name!r}: {self.place.end.ca} holds no usable certificate: {self.said(error)}",
                remedy=f"Name in {self.where}.ca the PEM file of the authority that signed the broker's certificate.",
            ) from None

    def reach(self, *, within_s: float) -> None:
        """Raises Unreachable unless a server takes a connection, and speaks TLS where that is declared."""
        context = self.context()
        problem: OSError | None = None
        for host, port in self.servers:
            try:
                with socket.create_connection((host, port), within_s) as plain:
                    if context is not None:
                        context.wrap_socket(plain, server_hostname=host).close()
                    return
            except OSError as error:
                problem = error
        if problem is not None:
            raise self.unreachable(problem, within_s=within_s) from None

    def said(self, error: object) -> str:
        """What a driver tells, in one line without secrets."""
        told = " ".join(str(error).split()) or type(error).__name__
        for redact in self._redactors:
            told = redact(told)
        return told[:_MOST_TOLD]

    def unreachable(self, error: BaseException, *, within_s: float) -> Unreachable:
        """That it could not be spoken to."""
        for cause in _causes(error):
            if isinstance(cause, ssl.SSLCertVerificationError):
                return self.unverified(cause.verify_message)
            if isinstance(cause, ssl.SSLError):
                return Unreachable(
                    f"integration {self.place.name!r} does not speak TLS as it should: {self.said(cause.reason)}",
                    remedy=f"See whether {self.where}.url names the port on which the broker speaks TLS.",
                )
            if isinstance(cause, TimeoutError):
                return Unreachable(
                    f"integration {self.place.name!r} did not answer within {within_s:g} s",
                    remedy="See whether a broker runs there, and whether it is overloaded.",
                    permanent=False,
                )
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        return Unreachable(
            f"integration {self.place.name!r} cannot be reached: {self.said(reason)}",
            remedy=f"See whether the broker runs, and {self.where}.url.",
            permanent=False,
        )

    def unverified(self, why: object) -> Unreachable:
        """That its certificate is not the one of who it says it is."""
        return Unreachable(
            f"the certificate of integration {self.place.name!r} does not verify: {self.said(why)}",
            remedy=f"Name the host as its certificate does, or in {self.where}.ca the authority that signed it.",
        )

    def no_entry(self, why: object) -> Refused:
        """That it does not take our credentials."""
        return Refused(
            f"integration {self.place.name!r} refuses the credentials: {self.said(why)}",
            remedy=f"Correct the user and the password in {self.where}.url.",
        )

    def forbidden(self, doing: str, why: object) -> Refused:
        """That we may not do this there."""
        return Refused(
            f"integration {self.place.name!r} does not let this user {doing}: {self.said(why)}",
            remedy="Have the broker's owner allow it to the user of the test end.",
        )

    def lost(self, why: object) -> Unreachable:
        """That the connection over which we listened is gone."""
        return Unreachable(
            f"the connection over which integration {self.place.name!r} was heard is gone: {self.said(why)}",
            remedy="What arrived meanwhile is not known. See the broker's log, and run the check again.",
            permanent=False,
        )


def missing(name: str, extra: str) -> MissingExtra:
    """That a driver is not installed."""
    return MissingExtra(f"the driver {name} is not installed", remedy=f"pip install 'seatrial[{extra}]'")


def _server(text: str, default: int) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError(text)
    return parts.hostname, parts.port or default


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    # A driver that raises what it caught before ties its errors into a ring.
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
