"""A folder on a real SFTP server: known before it is sent anything, and never left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from plants.server import unused_url
from plants.sftp_server import Served, sftp_server
from seatrial.adapters.http import Http
from seatrial.adapters.integrations.catalogue import OpenIntegration, open_integration
from seatrial.adapters.redaction import Redactor, secrets_of
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
from seatrial.spec.integration import IntegrationSection
from seatrial.spec.subject import subject
from seatrial.spec.system import System

HERE = Path()
PASSWORD = "grey-pelican"
OTHER = "SHA256:" + "A" * 43


@pytest.fixture(scope="module")
def tried() -> list[str]:
    return []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sftp")
    (root / "drop" / "in").mkdir(parents=True)
    (root / "outside.csv").write_text("id\nsecret\n")
    (root / "drop" / "a.csv").write_text("id,temp\nr1,1\nr2,2\n")
    (root / "drop" / "VERSION").write_text("3.1\n")
    (root / "drop" / "link.csv").symlink_to(root / "outside.csv")
    pq.write_table(pa.table({"id": range(200_000)}), root / "big.parquet", row_group_size=10_000)
    return root


@pytest.fixture(scope="module")
def login() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture(scope="module")
def server(folder: Path, login: asyncssh.SSHKey, tried: list[str]) -> Iterator[Served]:
    key = login.export_public_key().decode()
    with sftp_server(folder, password=PASSWORD, authorized=key, tried=tried) as told:
        yield told


def drop(server: Served, base: Path = HERE, /, **declared: Any) -> OpenIntegration:
    end = {"url": server.url(PASSWORD, "/drop"), "fingerprint": server.fingerprint, **declared}
    if "known_hosts" in declared:
        del end["fingerprint"]
    section = IntegrationSection.model_validate({"kind": "sftp", "test": end})
    return open_integration("drop", section, http=Http(origins=[]), base_dir=base)


def test_records_are_read_written_and_observed(server: Served, folder: Path) -> None:
    integration = drop(server, writable=True, write="in", observe="in", version="VERSION", format={"names": "*.csv"})
    integration.health()
    assert integration.version() == "3.1"
    assert [row["id"] for row in integration.read(1)] == ["r2"]
    assert integration.schema() == {"id": "text", "temp": "text"}
    integration.write({"id": "k1", "temp": "5"})
    assert integration.observe("id", ["k1"]) == {"k1": [{"id": "k1", "temp": "5"}]}
    assert drop(server, format={"names": "link*"}).read(9) == ()
    assert not [path for path in (folder / "drop" / "in").iterdir() if path.name.startswith(".")]


def test_the_server_tells_its_own_version(server: Served) -> None:
    assert "AsyncSSH" in drop(server).version()


def test_only_what_is_asked_for_of_a_large_file_is_fetched(server: Served) -> None:
    integration = drop(server, url=server.url(PASSWORD, "/"), format={"kind": "parquet"})
    assert [row["id"] for row in integration.read(2)] == [199_998, 199_999]
    assert integration.schema() == {"id": "int64|null"}


def test_a_known_hosts_file_recognises_the_server(server: Served, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text(server.known_host)
    drop(server, tmp_path, known_hosts="known_hosts").health()


@pytest.mark.parametrize("how", ["fingerprint", "known_hosts", "empty"])
def test_another_server_is_sent_no_password(how: str, server: Served, tried: list[str], tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    (tmp_path / "known_hosts").write_text("" if how == "empty" else f"[127.0.0.1]:{server.port} {other}")
    tried.clear()
    declared = {"fingerprint": OTHER} if how == "fingerprint" else {"known_hosts": "known_hosts"}
    uses: tuple[Callable[[OpenIntegration], object], ...] = (
        lambda one: one.read(1),
        lambda one: one.health(),
        lambda one: one.version(),
    )
    for use in uses:
        with pytest.raises(Refused, match="sent no password"):
            use(drop(server, tmp_path, **declared))
    assert tried == []


def test_a_private_key_logs_in_from_the_environment_or_a_file(
    server: Served, login: asyncssh.SSHKey, tmp_path: Path
) -> None:
    text = login.export_private_key().decode()
    (tmp_path / "id").write_text(text)
    url = f"sftp://sea@127.0.0.1:{server.port}/drop"
    for key in (text, "id"):
        drop(server, tmp_path, url=url, private_key=key).health()
    for key in (text[:80], "absent"):
        with pytest.raises(Malformed, match="private key cannot be used") as caught:
            drop(server, tmp_path, url=url, private_key=key).health()
        assert text.splitlines()[1] not in str(caught.value)


def test_a_private_key_is_a_secret_and_no_part_of_the_subject(login: asyncssh.SSHKey) -> None:
    text = login.export_private_key().decode()

    def declared(key: str) -> System:
        end = {"url": "sftp://sea@host/drop", "fingerprint": OTHER, "private_key": key}
        model = {"endpoint": "http://127.0.0.1:1/", "task": "binary"}
        content = {"system": "s", "version": "1", "model": model}
        return System.model_validate({**content, "integrations": {"drop": {"kind": "sftp", "test": end}}})

    assert text.splitlines()[1] not in Redactor(secrets_of(declared(text)))(f"it said: {text}")
    assert secrets_of(declared("keys/id")) == ("sea",)
    subjects = [subject(declared(key), files={}, identities={}).digest for key in (text, "keys/id")]
    assert subjects[0] == subjects[1]


@pytest.mark.parametrize(
    ("declared", "error", "said"),
    [
        ({"url": "sftp://sea:wrong-harbour@127.0.0.1:PORT/drop"}, Unreachable, "does not let this user in"),
        ({"url": "sftp://sea:grey-pelican@127.0.0.1:PORT/nowhere"}, Unreachable, "listed"),
        ({"read": "nowhere"}, Unreachable, "listed"),
        ({"read": "../"}, Malformed, "outside its folder"),
        ({"version": "../outside.csv"}, Malformed, "outside its folder"),
        ({"version": "nowhere"}, Unreachable, "cannot be read"),
        ({"url": f"sftp://sea:grey-pelican@{unused_url().removeprefix('http://')}/"}, Unreachable, "cannot be reached"),
    ],
)
def test_what_goes_wrong_is_said_without_secrets(
    server: Served, declared: dict[str, Any], error: type[SeatrialError], said: str
) -> None:
    told = {k: v.replace("PORT", str(server.port)) if isinstance(v, str) else v for k, v in declared.items()}
    use: Callable[[OpenIntegration], object] = (
        (lambda one: one.version()) if "version" in told else lambda one: one.read(1)
    )
    with pytest.raises(error, match=said) as caught:
        use(drop(server, Path(), **told))
    assert not {"wrong-harbour", PASSWORD} & set(str(caught.value).replace("'", " ").split())


@pytest.mark.parametrize("url", ["sftp://127.0.0.1/x", "drop", "http://sea@127.0.0.1/x"])
def test_a_url_without_server_or_user_is_malformed(url: str) -> None:
    section = IntegrationSection.model_validate({"kind": "sftp", "test": {"url": url, "fingerprint": OTHER}})
    with pytest.raises(Malformed):
        open_integration("drop", section, http=Http(origins=[]))
