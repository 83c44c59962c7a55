from __future__ import annotations

import os
import time
import zlib

import pytest

from plants.server import Asked, Said, Server, said, unused_url
from seatrial.adapters.http import Answer, Cut, Http, Redirected, TimedOut, declared_origins
from seatrial.adapters.redaction import Redactor, secrets_of
from seatrial.adapters.wire import target_of
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
from seatrial.core.ports import Request
from seatrial.spec.system import System

SECRET = "correct-horse"


def client(*urls: str, **more: int) -> Http:
    return Http(origins=[target_of(url).origin for url in urls], redact=Redactor([SECRET]), **more)


def echo(asked: Asked) -> Said:
    return said({"path": asked.path, "headers": dict(asked.headers)})


def test_connections_are_kept_alive() -> None:
    with Server(echo) as server, client(server.url) as http:
        for _ in range(5):
            assert http.get(f"{server.url}/a", timeout_s=2).json() is not None
        assert server.connections == 1


def test_a_connection_that_the_server_closed_meanwhile_is_replaced() -> None:
    def closing(asked: Asked) -> Said:
        answer = said({}).encoded()
        return Said(raw=answer, close=True)

    with Server(closing) as server, client(server.url) as http:
        for repeatable in (True, False, True, True):
            request = Request(method="POST", url=server.url, body=b"{}")
            assert http.send(request, timeout_s=2, repeatable=repeatable).status == 200
        assert len(server.asked) == 4


def test_what_must_not_arrive_twice_is_never_sent_again() -> None:
    with Server(lambda _: Said(raw=b"", close=True)) as server, client(server.url) as http:
        with pytest.raises(Cut):
            http.send(Request(method="POST", url=server.url, body=b"{}"), timeout_s=2)
        assert len(server.asked) == 1


def test_an_undeclared_target_is_refused_and_never_called() -> None:
    with Server(echo) as server, client("http://127.0.0.1:1") as http:
        with pytest.raises(Refused):
            http.get(server.url, timeout_s=2)
        assert server.asked == []


@pytest.mark.parametrize("other", ["https", "port", "host"])
def test_an_origin_is_scheme_host_and_port_together(other: str) -> None:
    declared = "http://a.example:80/x"
    asked = {"https": "https://a.example:80/x", "port": "http://a.example:81/x", "host": "http://b.example/x"}[other]
    with client(declared) as http:
        assert http.allows("http://a.example/y")
        assert not http.allows(asked)


def test_a_redirect_to_a_declared_origin_is_followed_without_what_was_secret() -> None:
    with Server(echo) as goal:

        def redirecting(_: Asked) -> Said:
            return Said(status=307, headers={"Location": f"{goal.url}/there"})

        with Server(redirecting) as server, client(server.url, goal.url) as http:
            answer = http.get(server.url, headers={"Authorization": SECRET, "Accept": "text/csv"}, timeout_s=2)
            assert answer.status == 200
            assert "authorization" not in goal.asked[0].headers
            assert goal.asked[0].headers["accept"] == "text/csv"


def test_a_redirect_to_an_undeclared_origin_is_not_followed() -> None:
    with Server(echo) as goal:

        def redirecting(_: Asked) -> Said:
            return Said(status=302, headers={"Location": f"{goal.url}/there"})

        with Server(redirecting) as server, client(server.url) as http:
            with pytest.raises(Redirected):
                http.get(server.url, timeout_s=2)
            assert goal.asked == []


def test_redirects_in_a_circle_end() -> None:
    with (
        Server(lambda _: Said(status=302, headers={"Location": "/again"})) as server,
        client(server.url) as http,
        pytest.raises(Redirected),
    ):
        http.get(server.url, timeout_s=2)


def test_a_redirect_that_would_lose_the_content_is_not_followed() -> None:
    with Server(lambda _: Said(status=303, headers={"Location": "/again"})) as server, client(server.url) as http:
        with pytest.raises(Redirected):
            http.send(Request(method="POST", url=server.url, body=b"{}"), timeout_s=2)
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    "raw", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"]
)
def test_the_time_out_holds_wherever_the_server_stops(raw: bytes) -> None:
    with Server(lambda _: Said(raw=raw)) as server, client(server.url) as http:
        started = time.monotonic()
        with pytest.raises(TimedOut):
            http.get(server.url, timeout_s=0.2)
        assert 0.15 < time.monotonic() - started < 2


def test_a_server_that_drips_forever_does_not_outlive_the_time_out() -> None:
    def dripping(_: Asked) -> Said:
        return Said(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")

    with Server(dripping) as server, client(server.url) as http, pytest.raises(TimedOut):
        http.get(server.url, timeout_s=0.3)


def test_a_cut_answer_and_a_refused_connection_are_told_apart() -> None:
    with (
        Server(lambda _: Said(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", close=True)) as server,
        client(server.url) as http,
        pytest.raises(Cut),
    ):
        http.get(server.url, timeout_s=2)
    nowhere = unused_url()
    with client(nowhere) as http, pytest.raises(Unreachable) as caught:
        http.get(nowhere, timeout_s=2)
    assert not isinstance(caught.value, Cut | TimedOut)


def test_an_answer_above_the_size_allowed_is_malformed() -> None:
    with (
        Server(lambda _: Said(body=b"x" * 2000)) as server,
        client(server.url, most_bytes=1000) as http,
        pytest.raises(Malformed),
    ):
        http.get(server.url, timeout_s=2)


def test_a_compressed_bomb_is_malformed_and_honest_compression_is_read() -> None:
    def gzip(content: bytes) -> Said:
        squeezer = zlib.compressobj(wbits=31)
        return Said(body=squeezer.compress(content) + squeezer.flush(), headers={"Content-Encoding": "gzip"})

    with (
        Server(lambda _: gzip(b" " * 5_000_000 + b"{}")) as server,
        client(server.url, most_bytes=100_000) as http,
        pytest.raises(Malformed),
    ):
        http.get(server.url, timeout_s=2)
    with Server(lambda _: gzip(b'{"a": 1}')) as server, client(server.url) as http:
        assert http.get(server.url, timeout_s=2).json() == {"a": 1}


def test_environment_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with Server(echo) as server, client(server.url) as http:
        assert http.get(server.url, timeout_s=2).status == 200


def test_after_a_fork_the_parents_connections_are_left_alone() -> None:
    with Server(echo) as server, client(server.url) as http:
        http.get(server.url, timeout_s=2)
        http._pid = os.getpid() + 1
        assert http.get(server.url, timeout_s=2).status == 200
        assert server.connections == 2


def test_a_tls_server_that_is_none_is_not_trusted() -> None:
    with Server(echo) as server:
        url = server.url.replace("http:", "https:")
        with client(url) as http, pytest.raises(Unreachable):
            http.get(url, timeout_s=2)


@pytest.mark.parametrize("body", [b"", b"  ", b"<html>", b"NaN", b"[Infinity]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_strict_json_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        Answer(status=200, latency_s=0.0, body=body).json()


def test_no_error_repeats_a_secret() -> None:
    urls = [
        f"http://olga:{SECRET}@127.0.0.1:1/",
        f"http://127.0.0.1:1/?token={SECRET}",
        f"http://{SECRET}.example\r\n/",
        f"ftp://{SECRET}@a/",
    ]
    for url in urls:
        with Http(origins=["http://127.0.0.1:1"], redact=Redactor([SECRET])) as http:
            with pytest.raises(SeatrialError) as caught:
                http.get(url, timeout_s=1)
            assert SECRET not in str(caught.value)
            assert SECRET not in "".join(map(str, caught.value.args))


def test_a_redactor_knows_secrets_in_every_form_and_suspicious_places_without_knowing_them() -> None:
    redact = Redactor(["p@ss/word", "abc"])
    for form in ["p@ss/word", "p%40ss%2Fword", "cEBzcy93b3Jk"]:
        assert form not in redact(f"before {form} after")
    assert redact("abcdef abc") == "abcdef [secret]"
    assert "hidden" not in Redactor()("GET http://a:hidden@b/ ?api_key=hidden&x=1 Authorization: Bearer hidden")
    assert "x=1" in Redactor()("http://b/?api_key=hidden&x=1")


def system() -> System:
    return System.model_validate(
        {
            "system": "s",
            "version": "1",
            "people": {
                "olga": {"name": "Olga", "page": "webhook+https://topsecret@pager.example/olga"},
                "ivo": {"name": "Ivo", "page": "mailto://ivo:mailword@example.com"},
                "sven": {"name": "Sven", "page": "slack://T0000hosttoken/B000pathtoken/docks"},
            },
            "model": {
                "endpoint": "http://m.example:8800/predict",
                "task": "binary",
                "headers": {"Authorization": "Bearer modelword", "Accept": "application/json"},
            },
            "integrations": {
                "erp": {"kind": "postgresql", "test": {"url": "postgresql://u:dbword@db/x"}},
                "planner": {"kind": "http", "test": {"url": "https://planner.example/x?token=queryword"}},
                "broken": {"kind": "http", "test": {"url": "http://"}},
            },
        }
    )


def test_the_origins_of_a_system_are_its_http_targets() -> None:
    assert declared_origins(system(), ["http://deploy.example/a"]) == {
        "http://m.example:8800",
        "https://planner.example:443",
        "https://pager.example:443",
        "http://deploy.example:80",
    }


def test_where_a_declared_alarm_is_looked_for_is_declared() -> None:
    look = {
        "name": "Up",
        "kind": "wait-until",
        "deadline": "1s",
        "with": {"http": {"url": "http://alerts.example:9093/api"}},
    }
    for data in (
        {"interruption": {"window": "1s", "catch_up": "1s", "sources": {"erp": {"alarm": look}}}},
        {"schema_change": {"sources": {"erp": {"alarm": look}}}},
    ):
        declared = System.model_validate({**system().model_dump(by_alias=True, exclude_unset=True), "data": data})
        assert declared_origins(declared) - declared_origins(system()) == {"http://alerts.example:9093"}


def test_the_secrets_of_a_system_are_all_found() -> None:
    redact = Redactor(secrets_of(system()))
    for secret in ["topsecret", "mailword", "modelword", "dbword", "queryword", "T0000hosttoken", "B000pathtoken"]:
        assert secret not in redact(f"x {secret} y")
    for harmless in ["application/json", "example.com", "olga", "docks"]:
        assert harmless in redact(f"x {harmless} y")
