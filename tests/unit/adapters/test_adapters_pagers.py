from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from plants.pager_server import Delivering, Swallowing, look, press, refusing
from plants.server import Asked, Said, Server, said
from seatrial.adapters.http import Http
from seatrial.adapters.pagers.catalogue import OpenPager, open_pager
from seatrial.adapters.redaction import Redactor, secrets_in_url
from seatrial.adapters.signed_post import signature
from seatrial.adapters.wire import target_of
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
from seatrial.spec.people import Person

SECRET = "harbour-light"


def route(url: str, secret: str = SECRET) -> str:
    return f"webhook+{url.replace('://', f'://{secret}@')}/olga"


def pager_to(url: str, page: str | None = None) -> OpenPager:
    page = page or route(url)
    people = {"olga": Person(name="Olga", page=page), "max": Person(name="Max")}
    http = Http(origins=[target_of(url).origin], redact=Redactor(secrets_in_url(page, route=True)))
    return open_pager(people, http=http)


@pytest.fixture
def swallowing() -> Iterator[tuple[OpenPager, Swallowing]]:
    service = Swallowing()
    with Server(service) as server:
        pager = pager_to(server.url)
        yield pager, service
        pager.close()


def send(pager: OpenPager, *, expires_s: float = 30.0, choices: tuple[str, ...] = ()) -> str:
    page = pager.page(
        "olga", title="Feed is stale", text="Weather is <3 h old & counting", action="I have it",
        expires_s=expires_s, choices=choices,
    )  # fmt: skip
    return page.id


def test_a_page_is_acknowledged_by_the_person_who_presses_the_button() -> None:
    service = Delivering(after_s=0.3)
    with Server(service) as server:
        pager = pager_to(server.url)
        page = pager.page("olga", title="Feed is stale", text="Look", action="I have it", expires_s=30)
        acknowledgement = pager.wait(page, timeout_s=5)
        service.join()
        pager.close()
    assert acknowledgement is not None
    assert (acknowledgement.page, acknowledgement.person, acknowledgement.answer) == (page.id, "olga", "I have it")
    assert 0.3 <= acknowledgement.after_s < 2
    assert page.channel == "webhook"


def test_how_long_the_page_was_open_before_the_press_is_told(swallowing: tuple[OpenPager, Swallowing]) -> None:
    pager, service = swallowing
    read = []
    for opens, pause_s in ((True, 0.3), (True, 0.0), (False, 0.0)):
        page = pager.page("olga", title="t", text="t", action="ok", expires_s=30)
        link = service.events[-1]["data"]["link"]
        if opens:
            assert look(link) == 200
        time.sleep(pause_s)
        assert press(link, "ok") == 200
        acknowledgement = pager.wait(page, timeout_s=1)
        assert acknowledgement is not None
        read.append(acknowledgement.read_s)
    assert read[0] is not None
    assert read[1] is not None
    assert 0.0 <= read[1] < 0.3 <= read[0]
    assert read[2] is None


def test_accepted_by_the_provider_is_not_acknowledged(swallowing: tuple[OpenPager, Swallowing]) -> None:
    pager, service = swallowing
    page = pager.page("olga", title="t", text="t", action="a", expires_s=30)
    started = time.monotonic()
    assert pager.wait(page, timeout_s=0.2) is None
    assert 0.15 < time.monotonic() - started < 2
    assert len(service.events) == 1


def test_looking_at_the_link_acknowledges_nothing(swallowing: tuple[OpenPager, Swallowing]) -> None:
    pager, service = swallowing
    page = pager.page("olga", title="t", text="t", action="a", expires_s=30)
    link = service.events[0]["data"]["link"]
    assert [look(link) for _ in range(3)] == [200, 200, 200]
    assert pager.wait(page, timeout_s=0.05) is None
    assert press(link, "a") == 200
    assert pager.wait(page, timeout_s=1) is not None


def test_a_link_works_once(swallowing: tuple[OpenPager, Swallowing]) -> None:
    pager, service = swallowing
    page = pager.page("olga", title="t", text="t", action="a", expires_s=30)
    link = service.events[0]["data"]["link"]
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(lambda _: press(link, "a"), range(8)))
    assert statuses == [200] + [410] * 7
    assert look(link) == 410
    assert pager.wait(page, timeout_s=1) is not None


def test_an_expired_link_no_longer_counts(swallowing: tuple[OpenPager, Swallowing]) -> None:
    pager, service = swallowing
    page = pager.page("olga", title="t", text="t", action="a", expires_s=0.1)
    time.sleep(0.15)
    link = service.events[0]["data"]["link"]
    assert (look(link), press(link, "a")) == (410, 410)
    assert pager.wait(page, timeout_s=5) is None


def test_a_wrong_link_or_button_is_refused(swallowing: tuple[OpenPager, Swallowing]) -> None:
    pager, service = swallowing
    page = pager.page("olga", title="t", text="t", action="a", expires_s=30)
    other = pager.page("olga", title="t", text="t", action="a", expires_s=30)
    link, other_link = (event["data"]["link"] for event in service.events)
    last = "0" if link[-1] != "0" else "1"
    wrong = [link[:-1] + last, link.replace(page.id, other.id), urlsplit(link)._replace(path="/").geturl(), link + "/x"]
    assert [press(one, "a") for one in wrong] == [404] * 4
    assert press(link, "something else") == 400
    assert pager.wait(page, timeout_s=0.05) is None
    assert press(other_link, "a") == 200
    assert pager.wait(page, timeout_s=0.05) is None


def test_a_page_of_another_pager_is_not_ours(swallowing: tuple[OpenPager, Swallowing]) -> None:
    pager, service = swallowing
    page = pager.page("olga", title="t", text="t", action="a", expires_s=30)
    with Server(Swallowing()) as server:
        other = pager_to(server.url)
        other.page("olga", title="t", text="t", action="a", expires_s=30)
        assert other.wait(page, timeout_s=0.05) is None
        there = urlsplit(service.events[0]["data"]["link"])
        own = other._server.server_address[1]  # type: ignore[attr-defined]
        assert press(there._replace(netloc=f"127.0.0.1:{own}").geturl(), "a") == 404
        other.close()


def test_the_person_may_choose_between_answers() -> None:
    service = Delivering(answer="No")
    with Server(service) as server:
        pager = pager_to(server.url)
        page = pager.page("olga", title="t", text="t", action="Yes", expires_s=30, choices=("Yes", "No"))
        acknowledgement = pager.wait(page, timeout_s=5)
        service.join()
        pager.close()
    assert acknowledgement is not None
    assert acknowledgement.answer == "No"


def test_the_page_is_a_plain_accessible_document_that_escapes_what_it_shows(
    swallowing: tuple[OpenPager, Swallowing],
) -> None:
    import urllib.request

    pager, service = swallowing
    send(pager)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(service.events[0]["data"]["link"], timeout=5) as answer:
        html, headers = answer.read().decode(), answer.headers
    assert "<html lang=" in html
    assert "<title>Feed is stale</title>" in html
    assert "&lt;3 h old &amp; counting" in html
    assert ">I have it</button>" in html
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"


def test_a_webhook_is_signed_and_its_secret_never_sent() -> None:
    service = Delivering()
    with Server(service) as server:
        pager = pager_to(server.url)
        pager.page("olga", title="t", text="t", action="a", expires_s=30)
        asked = service.requests[0]
        service.join()
        pager.close()
    headers = asked.headers
    assert headers["webhook-signature"] == signature(
        SECRET, headers["webhook-id"], headers["webhook-timestamp"], asked.body
    )
    assert asked.json()["specversion"] == "1.0"
    assert SECRET not in json.dumps([dict(headers), asked.path, asked.body.decode()])


def test_the_secret_may_stand_in_the_query_and_the_rest_of_the_query_stays() -> None:
    asked: list[Asked] = []

    def keep(one: Asked) -> Said:
        asked.append(one)
        return said({})

    with Server(keep) as server:
        pager = pager_to(server.url, f"webhook+{server.url}/olga?team=docks&secret={SECRET}")
        pager.page("olga", title="t", text="t", action="a", expires_s=30)
        pager.close()
    assert asked[0].query == {"team": ["docks"]}
    assert "webhook-signature" in asked[0].headers


def test_an_unsigned_webhook_says_so() -> None:
    with Server(Swallowing()) as server:
        pager = pager_to(server.url, f"webhook+{server.url}/olga")
        assert pager.page("olga", title="t", text="t", action="a", expires_s=30).channel == "webhook (unsigned)"
        pager.close()


def test_a_service_that_refuses_is_an_error_and_its_link_is_void() -> None:
    with Server(refusing) as server:
        pager = pager_to(server.url)
        with pytest.raises(Unreachable) as caught:
            pager.page("olga", title="t", text="t", action="a", expires_s=30)
        link = server.asked[0].json()["data"]["link"]
        assert press(link, "a") == 404
        pager.close()
    assert SECRET not in str(caught.value)
    assert "people.olga.page" in str(caught.value)


def test_only_declared_people_with_a_route_are_paged() -> None:
    with Server(Swallowing()) as server:
        pager = pager_to(server.url)
        for person in ("max", "nobody"):
            with pytest.raises(Refused):
                pager.page(person, title="t", text="t", action="a", expires_s=30)
        assert server.asked == []
        pager.close()


def test_an_undeclared_webhook_is_not_called() -> None:
    with Server(Swallowing()) as server:
        people = {"olga": Person(name="Olga", page=route(server.url))}
        pager = open_pager(people, http=Http(origins=[]))
        with pytest.raises(SeatrialError) as caught:
            pager.page("olga", title="t", text="t", action="a", expires_s=30)
        assert server.asked == []
        assert SECRET not in str(caught.value)
        pager.close()


def test_a_company_gives_the_links_its_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_ACK_URL", "https://ack.example.com/seatrial/")
    service = Swallowing()
    with Server(service) as server:
        pager = pager_to(server.url)
        page = pager.page("olga", title="t", text="t", action="a", expires_s=30)
        link = service.events[0]["data"]["link"]
        assert link.startswith(f"https://ack.example.com/seatrial/ack/{page.id}/")
        own = pager._server.server_address[1]  # type: ignore[attr-defined]
        assert press(link.replace("https://ack.example.com", f"http://127.0.0.1:{own}"), "a") == 200
        assert pager.wait(page, timeout_s=1) is not None
        pager.close()


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1:x", "192.0.2.1:80"])
def test_an_address_that_cannot_be_listened_on_is_an_error(listen: str) -> None:
    people = {"olga": Person(name="Olga", page="webhook+http://127.0.0.1:1/")}
    pager = open_pager(people, http=Http(origins=["http://127.0.0.1:1"]), ack_listen=listen)
    with pytest.raises(SeatrialError):
        pager.page("olga", title="t", text="t", action="a", expires_s=30)
    pager.close()


def test_apprise_delivers_and_reports_a_refusal() -> None:
    received: list[Asked] = []

    def keep(asked: Asked) -> Said:
        received.append(asked)
        return said({}, 200 if asked.path == "/good" else 500)

    with Server(keep) as server:
        host = urlsplit(server.url).netloc
        people = {
            "olga": Person(name="Olga", page=f"json://user:{SECRET}@{host}/good"),
            "ivo": Person(name="Ivo", page=f"json://user:{SECRET}@{host}/bad"),
            "sven": Person(name="Sven", page=f"nosuchservice://{SECRET}"),
        }
        pager = open_pager(people, http=Http(origins=[]))
        page = pager.page("olga", title="Feed is stale", text="Look", action="I have it", expires_s=30)
        assert page.channel == "apprise:json"
        assert f"/ack/{page.id}/" in received[0].body.decode()
        with pytest.raises(Unreachable) as refused:
            pager.page("ivo", title="t", text="t", action="a", expires_s=30)
        with pytest.raises(Malformed) as unknown:
            pager.page("sven", title="t", text="t", action="a", expires_s=30)
        pager.close()
    assert SECRET not in f"{refused.value} {unknown.value}"
