"""A real SFTP server over a folder, with one user, and its key as those know it who have verified it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncssh

from plants.loop_thread import served

USER: Final = "sea"


@dataclass(frozen=True, slots=True)
class Served:
    """Where it is, its fingerprint, and its line for a known_hosts file."""

    port: int
    fingerprint: str
    known_host: str

    def url(self, password: str, folder: str = "/") -> str:
        return f"sftp://{USER}:{password}@127.0.0.1:{self.port}{folder}"


class _Login(asyncssh.SSHServer):
    def __init__(self, password: str, tried: list[str]) -> None:
        self._password = password
        self._tried = tried

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        self._tried.append(password)
        return (username, password) == (USER, self._password)


@contextmanager
def sftp_server(
    folder: Path, *, password: str, authorized: str | None = None, tried: list[str] | None = None
) -> Iterator[Served]:
    """Serves `folder` as the root until it is left. `tried` collects the passwords that it is sent."""

    @asynccontextmanager
    async def serving() -> AsyncIterator[Served]:
        key = asyncssh.generate_private_key("ssh-ed25519")
        seen = tried if tried is not None else []
        keys = None if authorized is None else asyncssh.import_authorized_keys(authorized)
        server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[key],
            server_factory=lambda: _Login(password, seen),
            authorized_client_keys=keys,
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder).encode()),
        )
        port = server.get_port()
        line = f"[127.0.0.1]:{port} {key.export_public_key().decode().strip()}\n"
        try:
            yield Served(port, key.get_fingerprint("sha256"), line)
        finally:
            server.close()
            await server.wait_closed()

    with served(serving) as told:
        yield told
