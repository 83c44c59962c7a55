"""Secrets of a system whose surroundings tell of them at every chance are nowhere to be read afterwards."""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import Ended, seatrial
from small_run import declare

from plants.model_server import VERSION
from plants.server import Asked, Said, Server, said
from plants.tiny_system import plant, steady

_MARK = "zq7Xmarker"
_SECRETS = {
    "MODEL_KEY": f"{_MARK}-key",
    "MODEL_PASSWORD": f"{_MARK}-of-the-model",
    "MODEL_TOKEN": f"{_MARK}-token",
    "FEED_TOKEN": f"{_MARK}-feed",
    "PAGE_SECRET": f"{_MARK}-page",
    "STEP_PASSWORD": f"{_MARK}-step",
    "DB_PASSWORD": f"{_MARK}-db",
    "BROKER_PASSWORD": f"{_MARK}-broker",
}
_CHECKS = (
    "model.threshold",
    "model.out-of-sample",
    "data.faults",
    "data.freshness",
    "integration.contracts",
    "integration.versions",
    "governance.rollback",
    "ownership.pipeline-alert",
)
_PROCEDURE = """\
procedure: rollback
before: [{name: looks, kind: command, with: {run: ["true"]}, deadline: 5s}]
steps:
  - name: switch
    kind: command
    with: {run: [sh, -c, "echo no entry with $PASSWORD >&2; exit 3"], env: {PASSWORD: "${STEP_PASSWORD}"}}
    deadline: 5s
target:
  - name: asks
    kind: http
    with: {url: "URL/version?token=${MODEL_TOKEN}", expect: {json: {version: "the previous one"}}}
    deadline: 5s
restore: [{name: echoes, kind: command, with: {run: [echo, "${STEP_PASSWORD}"]}, deadline: 5s}]
restored: [{name: looks, kind: http, with: {url: "URL/echo?token=${MODEL_TOKEN}"}, deadline: 5s}]
"""
_ADDED = """\
load: {peak: 20/s, latency: {p99: 300ms}}
rollback: {procedure: rollback.yaml, within: 1h}
integrations:
  feed:
    kind: http
    feeds: [wind]
    test:
      url: "URL/feed"
      version: "/version?token=${FEED_TOKEN}"
      read: "/newest?password=${FEED_TOKEN}"
      headers: {Authorization: "Bearer ${FEED_TOKEN}"}
  sensors: {kind: mqtt, topic: a, test: {url: "mqtts://olga:${BROKER_PASSWORD}@127.0.0.1:1883"}}
  planner: {kind: amqp, test: {url: "amqp://olga:${BROKER_PASSWORD}@127.0.0.1:5672", exchange: amq.topic}}
  orders: {kind: kafka, test: {url: "kafka://olga:${BROKER_PASSWORD}@127.0.0.1:1", topic: a}}
"""


def _telltale(asked: Asked) -> Said:
    """Predicts, and tells of everything else it was asked, whoever asks and whatever for."""
    told = {"path": asked.path, "query": dict(asked.query), "headers": dict(asked.headers)}
    if asked.path.endswith("/version"):
        return said({**VERSION, "debug": told})
    if asked.path == "/predict" and asked.headers.get("x-api-key") == _SECRETS["MODEL_KEY"]:
        answer = steady(asked)
        return answer if answer.status == 200 and b"130" not in asked.body else said({"error": told}, 500)
    return said({"error": told}, 500)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaky:
    """A system whose model, feed, pager and procedure give its secrets away, and how to call seatrial in it."""

    place: Path

    def __call__(self, *arguments: str | Path) -> Ended:
        return seatrial(*arguments, cwd=self.place, environment=_SECRETS)


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Leaky]:
    with Server(_telltale) as served:
        file = plant(tmp_path_factory.mktemp("leaky") / "system", served.url, count=120)
        (file.parent / "rollback.yaml").write_text(_PROCEDURE.replace("URL", served.url))
        known = served.url.replace("://", "://reader:${MODEL_PASSWORD}@")
        declare(
            file,
            (f"endpoint: {served.url}/predict", f'endpoint: "{known}/predict?token=${{MODEL_TOKEN}}"'),
            (
                "olga: {name: Olga Brandt}",
                f'olga: {{name: Olga Brandt, page: "webhook+{served.url}/page?secret=${{PAGE_SECRET}}"}}',
            ),
            ("duties:\n", "duties:\n  pipeline-alert: {who: olga, deputy: sven, acknowledge_within: 1s}\n"),
            (
                "data:\n",
                'data:\n  training: {source: "postgresql://reader:${DB_PASSWORD}@127.0.0.1:9/x", query: select 1}\n',
            ),
            added=_ADDED.replace("URL", served.url),
        )
        yield _Leaky(place=file.parent)


def _said_nothing(text: str | bytes, where: str) -> None:
    content = text.encode() if isinstance(text, str) else text
    for secret in _SECRETS.values():
        encoded = {base64.b64encode(form.encode()).strip(b"=") for form in (secret, f"reader:{secret}")}
        for form in (secret.encode(), *encoded):
            at = content.find(form)
            assert at < 0, f"{where}: …{content[max(0, at - 200) : at + 60]!r}"
    assert _MARK.encode() not in content, where


def _said_by(leaky: _Leaky, *commands: tuple[str, ...]) -> None:
    """Nothing that these commands print or write holds a secret."""
    for command in commands:
        ended = leaky(*command)
        assert ended.code in {0, 1}, (command, ended)
        assert "Traceback" not in ended.err
        _said_nothing(ended.out, f"{command} out")
        _said_nothing(ended.err, f"{command} err")
    for file in leaky.place.rglob("*"):
        if file.is_file():
            _said_nothing(file.read_bytes(), str(file))


@pytest.mark.slow
def test_no_secret_is_in_ledger_artifacts_dossier_bundle_terminal_or_json(leaky: _Leaky) -> None:
    only = [word for check in _CHECKS for word in ("--only", check)]
    _said_by(
        leaky,
        ("run", "--plain", *only),
        ("verdict", "--json"),
        ("gaps",),
        ("report", "--output", "dossier.html"),
        ("export", "bundle.zip", "--artifacts"),
    )
    verdict = leaky("verdict", "--json").json
    assert "[secret]" in json.dumps(verdict), "something was told that had a secret in it"
    assert {row["id"] for row in verdict["requirements"] if row["reason_code"] == "not-run"}.isdisjoint(_CHECKS)
    written = {file.name for file in leaky.place.rglob("*")}
    assert {"ledger.db", "artifacts", "dossier.html", "bundle.zip"} <= written
    with zipfile.ZipFile(leaky.place / "bundle.zip") as bundle:
        for name in bundle.namelist():
            _said_nothing(bundle.read(name), name)


@pytest.mark.slow
def test_no_check_and_no_other_command_gives_a_secret_away(leaky: _Leaky) -> None:
    _said_by(
        leaky,
        ("run", "--plain"),
        ("run", "--json", "--only", "ownership.pipeline-alert"),
        ("verdict",),
        ("gaps", "--json"),
        ("verify", "--json"),
        ("validate",),
        ("validate", "--json"),
        ("accept", "monitor", "--as", "olga", "--yes"),
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("task: binary", "task: [binary"),
        ("task: binary", 'tusk: "${MODEL_KEY}"'),
        ("minimum: 0.5", 'minimum: "${MODEL_KEY}"'),
        pytest.param("go_live: 2027-03-01", 'go_live: "${DB_PASSWORD}"', marks=pytest.mark.slow),
        pytest.param(
            "olga: {name: Olga Brandt", 'olga: {name: Olga Brandt, pager: "${PAGE_SECRET}"', marks=pytest.mark.slow
        ),
    ],
    ids=["not YAML", "unknown key", "no number", "no date", "unknown inner key"],
)
def test_no_secret_is_in_what_is_said_of_a_bad_system_file(old: str, new: str, leaky: _Leaky, tmp_path: Path) -> None:
    bad = tmp_path / "seatrial.yaml"
    bad.write_text((leaky.place / "seatrial.yaml").read_text().replace(old, new, 1))
    ended = seatrial("validate", cwd=tmp_path, environment=_SECRETS)
    assert ended.code == 2
    assert "Traceback" not in ended.err
    _said_nothing(ended.out + ended.err, "validate")
