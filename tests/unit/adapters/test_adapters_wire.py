from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.wire import AnswerReader, encode, target_of
from seatrial.core.errors import Malformed, Refused
from seatrial.core.ports import Request

BODY = b'{"predictions": [1, 2, 3]}'
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 26\r\nX-Two: a\r\nX-Two: b\r\n\r\n" + BODY
CHUNKED = (
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'10;note="x"\r\n{"predictions": \r\nA\r\n[1, 2, 3]}\r\n0\r\nTrailer: x\r\n\r\n'
)
ONE_ZERO = b"HTTP/1.0 200 OK\r\n\r\n" + BODY


@pytest.mark.parametrize(("answer", "reusable"), [(LENGTH, True), (CHUNKED, True)])
@given(cuts=st.lists(st.integers(0, 160), max_size=12))
def test_an_answer_reads_the_same_in_whatever_pieces_it_arrives(answer: bytes, reusable: bool, cuts: list[int]) -> None:
    reader = AnswerReader(most_bytes=1000)
    places = sorted({0, len(answer), *(cut for cut in cuts if cut < len(answer))})
    complete = [reader.feed(answer[a:b]) for a, b in pairwise(places)]
    assert complete[-1] is True
    assert not any(complete[:-1])
    assert (reader.status, bytes(reader.body), reader.reusable) == (200, BODY, reusable)


def test_a_body_without_length_ends_with_the_connection() -> None:
    reader = AnswerReader(most_bytes=1000)
    assert reader.feed(ONE_ZERO) is False
    assert reader.end() is True
    assert bytes(reader.body) == BODY
    assert reader.reusable is False


def test_a_body_that_is_cut_short_is_not_complete() -> None:
    reader = AnswerReader(most_bytes=1000)
    assert reader.feed(LENGTH[:-1]) is False
    assert reader.end() is False


def test_a_connection_with_surplus_bytes_is_not_used_again() -> None:
    reader = AnswerReader(most_bytes=1000)
    assert reader.feed(LENGTH + b"HTTP/1.1 200 OK") is True
    assert reader.reusable is False


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
        b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 1001,
    ],
)
def test_what_is_not_http_or_too_large_is_malformed(answer: bytes) -> None:
    with pytest.raises(Malformed):
        AnswerReader(most_bytes=1000).feed(answer)


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_malformed(content: bytes) -> None:
    reader = AnswerReader(most_bytes=1000)
    try:
        reader.feed(content)
        reader.feed(b"HTTP/1.1 200 OK\r\n\r\n" + content)
    except Malformed:
        return
    reader.end()


def test_an_answer_to_head_or_without_content_has_no_body() -> None:
    assert AnswerReader(method="HEAD", most_bytes=10).feed(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n") is True
    assert AnswerReader(most_bytes=10).feed(b"HTTP/1.1 204 No Content\r\n\r\n") is True


def test_a_target_keeps_credentials_out_of_its_origin_and_sends_them_as_a_header() -> None:
    target = target_of("http://olga:s%40fe@Planner.Example/in box?q=ä")
    assert target.origin == "http://planner.example:80"
    assert target.path == "/in%20box?q=%C3%A4"
    assert "olga" not in repr(target)
    content = encode(Request(method="POST", url="", body=b"{}"), target)
    assert b"Authorization: Basic b2xnYTpzQGZl\r\n" in content
    assert b"Content-Length: 2\r\n" in content
    assert b"Host: planner.example\r\n" in content


def test_an_ipv6_target_is_written_with_brackets() -> None:
    assert target_of("http://[::1]:8080/x").host_header == "[::1]:8080"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a/b",
        "http://",
        "http://a:99999/",
        "http://a\r\nb/",
        "http://[::1/",
        "plain",
        "http://a..b/",
        f"http://{'a' * 70}.de/",
    ],
)
def test_a_url_that_cannot_be_called_is_malformed(url: str) -> None:
    with pytest.raises(Malformed):
        target_of(url)


@pytest.mark.parametrize("headers", [{"X": "a\r\nY: b"}, {"X\r\nY": "a"}, {"": "a"}])
def test_a_header_that_smuggles_another_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Refused):
        encode(Request(method="GET", url="", headers=headers), target_of("http://a/"))


def test_declared_headers_replace_our_own_whatever_their_case() -> None:
    content = encode(Request(method="GET", url="", headers={"accept": "text/csv"}), target_of("http://a/"))
    assert content.lower().count(b"accept:") == 1
    assert b"text/csv" in content
