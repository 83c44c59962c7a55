"""A `.env` file gives names their values; what is no such line is said, with its number and without its content."""

from __future__ import annotations

import pytest

from seatrial.spec.environment import load_environment
from seatrial.spec.problem import SpecErrors
from seatrial.spec.reading import read_yaml
from seatrial.spec.undecided import settle

SURROUNDINGS = {
    "HOST": "erp.local",
    "PORT": "8080",
    "URL": "http://erp.local:81",
    "SLASHED": "http://erp.local/",
    "WHOLE": "http://erp.local/api",
    "HOOK": "http://erp.local/hooks/B0f3k91x",
    "LINE": "127.0.0.1:15342",
    "LINE6": "[::1]:15342",
    "LOCAL": "localhost:8800",
    "TOKEN": "hunter77",
    "USER_AT_LINE": "olga@127.0.0.1:15342",
    "WITH_USER": "http://olga:hunter88@erp.local",
}


def test_names_values_quotes_comments_and_export() -> None:
    text = b"# addresses\nA=1\n\nexport B = two words \nC='x y'\nD=\"a=b\"\nE=\n"
    assert load_environment(text, name=".env") == {"A": "1", "B": "two words", "C": "x y", "D": "a=b", "E": ""}


def test_every_other_line_is_an_error_that_shows_no_value() -> None:
    with pytest.raises(SpecErrors) as caught:
        load_environment(b"A=1\nhunter2\n1B=hunter3\n", name=".env")
    assert [p.line for p in caught.value.problems] == [2, 3]
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize(
    "written",
    [
        "${URL}",
        "${URL}/orders",
        "${SLASHED}orders",
        "http://${HOST}/orders?since=1",
        "https://${HOST}:${PORT}/",
        "opc.tcp://${HOST}:${PORT}",
        "postgresql+psycopg://olga@${HOST}/erp",
        "${WHOLE}",
        "${URL}/v1/chat/completions",
        "${LINE}",
        "${LINE6}",
        "${LOCAL}",
    ],
)
def test_what_only_names_a_server_is_no_secret(written: str) -> None:
    assert settle(read_yaml(f"a: {written!r}".encode(), name="a.yaml"), SURROUNDINGS).secrets == ()


@pytest.mark.parametrize(
    ("written", "secrets"),
    [
        ("${TOKEN}", {"hunter77"}),
        ("${HOST}", {"erp.local"}),
        ("${HOOK}", {"http://erp.local/hooks/B0f3k91x"}),
        ("${WHOLE}?key=${TOKEN}", {"hunter77"}),
        ("${USER_AT_LINE}", {"olga@127.0.0.1:15342"}),
        ("password=${LINE}", {"127.0.0.1:15342"}),
        ("${WITH_USER}/orders", {"http://olga:hunter88@erp.local", "hunter88"}),
        ("http://olga:${TOKEN}@${HOST}/", {"hunter77"}),
        ("http://${TOKEN}@erp.local/", {"hunter77"}),
        ("http://${HOST}/${TOKEN}", {"hunter77"}),
        ("http://${HOST}/orders?key=${TOKEN}", {"hunter77"}),
        ("https://${TOKEN}.hooks.example/", {"hunter77"}),
        ("slack://${TOKEN}/channel", {"hunter77"}),
        ("webhook+${URL}/page", {"http://erp.local:81"}),
        ("webhook+https://${HOST}/page", {"erp.local"}),
        ("call http://${HOST}/", {"erp.local"}),
    ],
)
def test_everything_else_that_the_environment_gives_is_a_secret(written: str, secrets: set[str]) -> None:
    assert set(settle(read_yaml(f"a: {written!r}".encode(), name="a.yaml"), SURROUNDINGS).secrets) == secrets


def test_what_is_an_address_at_one_place_and_a_token_at_another_is_a_secret() -> None:
    text = b"a: http://${TOKEN}/\nb: ${TOKEN}\n"
    assert settle(read_yaml(text, name="a.yaml"), SURROUNDINGS).secrets == ("hunter77",)
