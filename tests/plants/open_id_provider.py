"""An OpenID provider on this machine that keeps to the standard, or breaks it in one named way."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

CLIENT = "seatrial-here"
SECRET = "what only the two know"
Claims = dict[str, Any]
FAULTS: dict[str, Callable[[Claims], Claims]] = {
    "another issuer": lambda c: {**c, "iss": "https://elsewhere.example"},
    "another application": lambda c: {**c, "aud": "another"},
    "another party": lambda c: {**c, "aud": [CLIENT, "another"], "azp": "another"},
    "no party among several": lambda c: {**c, "aud": [CLIENT, "another"]},
    "another nonce": lambda c: {**c, "nonce": "of another browser"},
    "no nonce": lambda c: {k: v for k, v in c.items() if k != "nonce"},
    "ended": lambda c: {**c, "exp": time.time() - 121},
    "no end": lambda c: {k: v for k, v in c.items() if k != "exp"},
    "from the future": lambda c: {**c, "iat": time.time() + 180},
    "nobody": lambda c: {**c, "sub": ""},
}
"""What the provider can say wrongly in a token that is signed rightly."""
SIGNATURES = ("none", "our own secret", "another key", "altered")
"""What can be wrong with the signature."""
HARMLESS: dict[str, Callable[[Claims], Claims]] = {
    "a slow clock": lambda c: {**c, "exp": time.time() - 100, "iat": time.time() - 400},
    "a fast clock": lambda c: {**c, "iat": time.time() + 100},
    "a list": lambda c: {**c, "aud": [CLIENT]},
    "more": lambda c: {**c, "groups": ["it"], "amr": ["mfa"]},
}


class OpenIdProvider:
    """Answers everybody as Olga; `fault` is one of the above. Codes work once, for who brings the verifier."""

    def __init__(self, *, fault: str = "", email_in_token: bool = True, subject: str = "olga-1") -> None:
        self.fault, self.subject, self.email_in_token = fault, subject, email_in_token
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.asked: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def authorize(self, url: str) -> dict[str, str]:
        """What a browser brings back that went to this address."""
        asked = dict(parse_qsl(urlsplit(url).query))
        code = f"code-{len(self.asked)}"
        self.asked[code] = asked
        return {"code": code, "state": asked["state"]}

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, Claims]:
        asked = self.asked.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        fits = asked is not None and challenge.rstrip(b"=").decode() == asked["code_challenge"]
        if asked is None or not fits or pair != f"{CLIENT}:{SECRET.replace(' ', '%20')}":
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "an-access-token", "token_type": "Bearer", "id_token": self._signed(asked)}

    def _signed(self, asked: dict[str, str]) -> str:
        now = time.time()
        claims: Claims = {"iss": self.issuer, "aud": CLIENT, "sub": self.subject, "iat": now, "exp": now + 300}
        claims["nonce"] = asked["nonce"]
        if self.email_in_token:
            claims |= {"email": "olga@example.com", "email_verified": True, "name": "Olga Brandt"}
        changes = {**FAULTS, **HARMLESS}
        if self.fault in changes:
            claims = changes[self.fault](claims)
        if self.fault == "none":
            parts = [json.dumps(each).encode() for each in ({"alg": "none"}, claims)]
            return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
        if self.fault == "our own secret":
            return jwt.encode({"alg": "HS256", "kid": "one"}, claims, OctKey.import_key(SECRET.encode() * 2))
        if self.fault == "another key":
            return jwt.encode({"alg": "ES256", "kid": "one"}, claims, ECKey.generate_key("P-256"))
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        if self.fault != "altered":
            return signed
        head, body, signature = signed.split(".")
        other = json.dumps({**claims, "sub": "somebody-else"}).encode()
        return f"{head}.{base64.urlsafe_b64encode(other).rstrip(b'=').decode() if body else ''}.{signature}"

    def described(self) -> Claims:
        issuer = "https://elsewhere.example" if self.fault == "describes another" else self.issuer
        there = "http://192.0.2.1" if self.fault == "plain elsewhere" else self.issuer
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{there}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
        }

    def _handler(provider) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                if path == "/.well-known/openid-configuration":
                    self._answer(200, provider.described())
                elif path == "/keys":
                    self._answer(200, {"keys": [provider.key.as_dict(private=False)]})
                elif path == "/userinfo" and self.headers["Authorization"] == "Bearer an-access-token":
                    subject = "another" if provider.fault == "userinfo of another" else provider.subject
                    told = {"sub": subject, "email": "olga@example.com", "email_verified": True}
                    self._answer(200, told)
                else:
                    self._answer(404, {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                self._answer(*provider.token(form, self.headers.get("Authorization", "")))

            def _answer(self, status: int, content: Claims) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                del format, arguments

        return Handler
