"""Signing in over a company's own OpenID provider: the code flow with PKCE, and everything that must be checked of it.

State and nonce bind the answer to the browser that asked; the issuer, the audience, the times and the signature of the
ID token are checked here, whatever the provider promises. Only endpoints that the issuer's own description names are
called, over HTTPS; over plain HTTP on this machine alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit

from seatrial.adapters.http import Answer, Http
from seatrial.adapters.redaction import Redactor
from seatrial.adapters.wire import target_of
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
from seatrial.core.ports import Request

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

SKEW_S: Final = 120
"""By how much the provider's clock may differ from ours."""
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that only the provider can make: none that our own secret could, and no `none`."""
_MOST_BYTES = 1024 * 1024
_TIMEOUT_S = 10.0
_LOCAL = ("localhost", "127.0.0.1", "::1")
_ASK_PROVIDER = "Whoever runs the sign-in of the company looks at how this site is entered there."


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What was agreed with the provider: its issuer, and what this site is there."""

    issuer: str
    client: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the browser took along, to be held against the answer. Kept in its session, and used once."""

    state: str
    nonce: str
    verifier: str
    redirect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the provider says it is. `subject` names them for good; an address that it did not verify proves nothing."""

    issuer: str
    subject: str
    email: str
    verified: bool
    name: str
    signed_in_at: float | None


class OpenId:
    """One provider. Every method raises SeatrialError: Refused for an answer that does not hold."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._redact = Redactor([provider.secret] if provider.secret else [])
        self._described: dict[str, Any] | None = None
        self._keys: KeySet | None = None

    def ask(self, redirect: str, *, anew: bool = False) -> tuple[str, Asked]:
        """The address to which the browser goes; `anew` has the provider ask for the password again."""
        asked = Asked(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            redirect=redirect,
        )
        challenge = base64.urlsafe_b64encode(hashlib.sha256(asked.verifier.encode()).digest()).rstrip(b"=").decode()
        parameters = {
            "response_type": "code",
            "client_id": self._provider.client,
            "redirect_uri": redirect,
            "scope": "openid email profile",
            "state": asked.state,
            "nonce": asked.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if anew:
            parameters |= {"prompt": "login", "max_age": "0"}
        endpoint = self._endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(parameters)}", asked

    def answered(self, asked: Asked, answer: Mapping[str, str], *, now: float) -> Identity:
        """Who came back with this answer, at `now` (Unix seconds)."""
        if not hmac.compare_digest(answer.get("state", "").encode(), asked.state.encode()):
            raise Refused("this answer is not to what your browser asked", remedy="Begin again at the sign-in.")
        if answer.get("iss", self._provider.issuer) != self._provider.issuer:
            raise Refused("this answer comes from another provider", remedy="Begin again at the sign-in.")
        if answer.get("error") or not answer.get("code"):
            said = " ".join((answer.get("error_description") or answer.get("error") or "no code")[:200].split())
            raise Refused(f"the provider let nobody in: {said}", remedy="Try again, or ask whoever runs it.")
        told = self._token(asked, answer["code"])
        claims = self._claims(str(told.get("id_token") or ""), asked.nonce, now)
        if not claims.get("email") and told.get("access_token"):
            claims = {**self._more(str(told["access_token"]), claims["sub"]), **claims}
        at = claims.get("auth_time")
        return Identity(
            issuer=self._provider.issuer,
            subject=claims["sub"],
            email=str(claims.get("email") or "").strip().lower(),
            verified=claims.get("email_verified") is True,
            name=str(claims.get("name") or "").strip(),
            signed_in_at=float(at) if isinstance(at, int | float) and not isinstance(at, bool) else None,
        )

    def _token(self, asked: Asked, code: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": asked.redirect,
            "code_verifier": asked.verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        methods = self._description().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if self._provider.secret and "client_secret_basic" in methods:
            pair = f"{quote(self._provider.client, safe='')}:{quote(self._provider.secret, safe='')}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form |= {"client_id": self._provider.client}
            form |= {"client_secret": self._provider.secret} if self._provider.secret else {}
        url = self._endpoint("token_endpoint")
        answer = self._send(Request(method="POST", url=url, headers=headers, body=urlencode(form).encode()))
        if answer.status != 200:
            raise Refused(f"the provider gave no token: {answer.status} {answer.brief()[:200]}", remedy=_ASK_PROVIDER)
        return _mapping(answer)

    def _claims(self, token: str, nonce: str, now: float) -> dict[str, Any]:
        claims = self._verified(token)
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        client = self._provider.client
        problem = ""
        if claims.get("iss") != self._provider.issuer:
            problem = "it is of another issuer"
        elif (
            client not in audiences
            or claims.get("azp", client) != client
            or (len(audiences) > 1 and "azp" not in claims)
        ):
            problem = "it was made for another application"
        elif not _later(claims.get("exp"), now - SKEW_S):
            problem = "it has ended"
        elif not _earlier(claims.get("iat"), now + SKEW_S) or not _earlier(claims.get("nbf", 0), now + SKEW_S):
            problem = "it begins in the future"
        elif not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            problem = "it is not to what your browser asked"
        elif not isinstance(claims.get("sub"), str) or not claims["sub"]:
            problem = "it names nobody"
        if problem:
            raise Refused(f"the provider's token does not hold: {problem}", remedy=_ASK_PROVIDER)
        return claims

    def _verified(self, token: str) -> dict[str, Any]:
        from joserfc import jwt
        from joserfc.errors import JoseError

        problem = ""
        for fresh in (False, True):
            try:
                return dict(jwt.decode(token, self._key_set(fresh=fresh), algorithms=list(ALGORITHMS)).claims)
            except (JoseError, ValueError) as error:
                # A key that is not known yet may be a new one: it is looked up once.
                problem = str(error) or type(error).__name__
        raise Refused(f"the provider's token does not hold: {problem[:200]}", remedy=_ASK_PROVIDER)

    def _more(self, access: str, subject: str) -> dict[str, Any]:
        """What the provider tells of them beside the token; nothing where it tells it of somebody else."""
        if "userinfo_endpoint" not in self._description():
            return {}
        headers = {"Authorization": f"Bearer {access}", "Accept": "application/json"}
        answer = self._send(Request(method="GET", url=self._endpoint("userinfo_endpoint"), headers=headers))
        told = _mapping(answer) if answer.status == 200 else {}
        return dict(told) if told.get("sub") == subject else {}

    def _key_set(self, *, fresh: bool) -> KeySet:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        if self._keys is None or fresh:
            answer = self._send(Request(method="GET", url=self._endpoint("jwks_uri")))
            try:
                self._keys = KeySet.import_key_set(_mapping(answer))  # type: ignore[arg-type]
            except (JoseError, ValueError, KeyError, TypeError) as error:
                raise Malformed(f"the provider's keys cannot be read: {error}", remedy=_ASK_PROVIDER) from None
        return self._keys

    def _description(self) -> dict[str, Any]:
        if self._described is None:
            url = self._provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
            answer = self._send(Request(method="GET", url=url))
            if answer.status != 200:
                raise Unreachable(f"the provider does not describe itself: {answer.status}", remedy=_ASK_PROVIDER)
            told = dict(_mapping(answer))
            if told.get("issuer") != self._provider.issuer:
                raise Refused("the provider describes itself as another issuer", remedy=_ASK_PROVIDER)
            self._described = told
        return self._described

    def _endpoint(self, name: str) -> str:
        url = self._description().get(name)
        if not isinstance(url, str):
            raise Malformed(f"the provider names no {name}", remedy=_ASK_PROVIDER)
        return url

    def _send(self, request: Request) -> Answer:
        secure(request.url)
        with Http(origins=[target_of(request.url).origin], redact=self._redact, most_bytes=_MOST_BYTES) as http:
            try:
                return http.send(request, timeout_s=_TIMEOUT_S)
            except SeatrialError as error:
                raise Unreachable(f"the provider cannot be asked: {error.what}", remedy=error.remedy) from None


def secure(url: str) -> None:
    """Raises Refused for an address over plain HTTP that is not on this machine, Malformed for none at all."""
    target = target_of(url)
    if target.scheme != "https" and target.host not in _LOCAL:
        raise Refused(f"{target.origin} is reached over plain HTTP", remedy="Give the provider an https address.")


def _mapping(answer: Answer) -> Mapping[str, Any]:
    told = answer.json()
    if not isinstance(told, dict):
        raise Malformed("the provider answers with something that is no object", remedy=_ASK_PROVIDER)
    return told


def _later(value: object, than: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > than


def _earlier(value: object, than: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value <= than
