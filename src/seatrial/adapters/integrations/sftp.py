"""A folder on an SFTP server, whose key is known beforehand; nobody else is sent a password."""

from __future__ import annotations

import asyncio
import io
import posixpath
import secrets
import stat
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar, cast
from urllib.parse import unquote, urlsplit

from seatrial.adapters.integrations.folders import Entry, outside
from seatrial.adapters.integrations.place import Place
from seatrial.adapters.redaction import Redactor, secrets_in_url
from seatrial.core.errors import Malformed, MissingExtra, Refused, SeatrialError, Unreachable

TIMEOUT_S: Final = 30.0
_BUFFER: Final = 1 << 20
_PORT: Final = 22
T = TypeVar("T")


class SftpFolder:
    """`sftp://user@host:port/folder`; the folder is the account's own where the url names none.

    The password stands in the url, a key is declared as `private_key`; both come from the environment. The machine's
    own SSH settings, keys and agents are never used. A connection lasts for one use.
    """

    def __init__(self, place: Place, *, base_dir: Path, redact: Redactor) -> None:
        self._place = place
        parts = urlsplit(place.end.url)
        if parts.scheme != "sftp" or not parts.hostname or not parts.username:
            raise Malformed(
                f"integration {place.name!r} is of kind 'sftp', but its url names no server and user",
                remedy=f"Write integrations.{place.name}.{place.which}.url as sftp://user@host/folder.",
            )
        known = place.end.known_hosts
        if (known is None) == (place.end.fingerprint is None):
            raise Malformed(
                f"integration {place.name!r} does not say how its server is recognised",
                remedy=f"Give integrations.{place.name}.{place.which} known_hosts or fingerprint.",
            )
        self._parts = parts
        self._known = None if known is None else base_dir / known
        self._base_dir = base_dir
        told = secrets_in_url(place.end.url) if parts.password else ()
        self._redactors = (redact, Redactor(told))

    @contextmanager
    def opened(self) -> Iterator[_SftpFiles]:
        """The folder, over one connection. Raises Unreachable, Refused, Malformed and MissingExtra."""
        try:
            import asyncssh
        except ModuleNotFoundError:
            raise MissingExtra(
                "the SFTP client asyncssh is not installed", remedy="pip install 'seatrial[sftp]'"
            ) from None
        with asyncio.Runner() as runner:
            work = _Work(runner, self)
            connection = work.do(
                asyncssh.connect(self._parts.hostname or "", **self._options()), "it cannot be reached"
            )
            try:
                client = work.do(connection.start_sftp_client(), "it offers no SFTP")
                root = work.do(client.realpath(unquote(self._parts.path) or "."), "its folder is not there")
                yield _SftpFiles(work, connection, client, str(root), self._place.name)
            finally:
                connection.abort()
                runner.run(_ended(connection))

    def _options(self) -> dict[str, Any]:
        import asyncssh

        wanted = self._place.end.fingerprint

        class Recognising(asyncssh.SSHClient):
            """Takes the server's key only for the declared fingerprint."""

            def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
                del host, addr, port
                return wanted is not None and key.get_fingerprint("sha256").rstrip("=") == wanted.rstrip("=")

        return {
            "port": self._parts.port or _PORT,
            "username": unquote(self._parts.username or ""),
            "password": None if self._parts.password is None else unquote(self._parts.password),
            "client_keys": self._keys(),
            "known_hosts": ([], [], []) if self._known is None else self._hosts(self._known),
            "client_factory": Recognising,
            "config": None,
            "agent_path": None,
            "gss_kex": False,
            "gss_auth": False,
            "connect_timeout": TIMEOUT_S,
            "login_timeout": TIMEOUT_S,
        }

    def _hosts(self, file: Path) -> Any:
        import asyncssh

        try:
            return asyncssh.read_known_hosts(str(file))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise Malformed(
                f"integration {self._place.name!r}: its known_hosts cannot be read: {reason}",
                remedy="Let it hold the server's key, as ssh-keyscan writes it and somebody has verified it.",
            ) from None

    def _keys(self) -> list[Any] | None:
        import asyncssh

        declared = self._place.end.private_key
        if not declared:
            return None
        try:
            given = declared.lstrip().startswith("-----BEGIN")
            content = declared if given else (self._base_dir / declared).read_text(encoding="ascii")
            return [asyncssh.import_private_key(content)]
        except (OSError, ValueError, asyncssh.KeyImportError):
            raise Malformed(
                f"integration {self._place.name!r}: its private key cannot be used",
                remedy="Let private_key be ${NAME}, which holds the key, or a file with it; without a passphrase.",
            ) from None

    def failure(self, what: str, error: Exception) -> SeatrialError:
        """What went wrong on the connection, as an error of ours."""
        import asyncssh

        reason = " ".join(str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error).split())
        for redact in self._redactors:
            reason = redact(reason)
        where = f"integration {self._place.name!r} at {self._parts.hostname}"
        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            return Refused(
                f"{where}: the server's key is not the declared one, so it was sent no password",
                remedy="Find out with its administrator whether it has a new key, and declare that; else somebody "
                "stands between.",
            )
        if isinstance(error, asyncssh.PermissionDenied):
            return Unreachable(
                f"{where} does not let this user in", remedy="Correct the user, and the password or key, of the url."
            )
        if isinstance(error, asyncssh.SFTPPermissionDenied):
            return Refused(f"{where}: {what}: not permitted", remedy="Let its administrator grant this user that.")
        if isinstance(error, TimeoutError):
            return Unreachable(f"{where} did not answer within {TIMEOUT_S:g} s", permanent=False)
        absent = isinstance(error, asyncssh.SFTPNoSuchFile)
        return Unreachable(
            f"{where}: {what}: {reason[:200]}",
            remedy="Correct the folder or file that is declared."
            if absent
            else "See whether it runs, and its own log.",
            permanent=absent,
        )


class _Work:
    """Does what is asynchronous, one thing after another, each within the time allowed and with our errors."""

    def __init__(self, runner: asyncio.Runner, folder: SftpFolder) -> None:
        self._runner = runner
        self._folder = folder

    def do(self, work: Any, what: str) -> Any:
        """Its result. `what` says what failed where it fails."""
        import asyncssh

        try:
            return self._runner.run(_within(work))
        except (OSError, asyncssh.Error) as error:
            raise self._folder.failure(what, error) from None


async def _within(work: Coroutine[Any, Any, T]) -> T:
    return await asyncio.wait_for(work, TIMEOUT_S)


async def _ended(connection: Any) -> None:
    await connection.wait_closed()


class _SftpFiles:
    """The files of an opened folder."""

    def __init__(self, work: _Work, connection: Any, client: Any, root: str, name: str) -> None:
        self._work = work
        self._connection = connection
        self._client = client
        self._root = root
        self._name = name

    def entries(self, place: str) -> list[Entry]:
        """The files there, hidden ones and links left out; `changed` is in seconds."""
        what = "its folder cannot be listed"
        folder = self._within(place, what)
        found = self._work.do(self._client.readdir(folder), what)
        return [
            Entry(int(entry.attrs.mtime or 0), str(entry.filename), int(entry.attrs.size or 0))
            for entry in found
            if not str(entry.filename).startswith(".") and stat.S_ISREG(entry.attrs.permissions or stat.S_IFREG)
        ]

    @contextmanager
    def open(self, place: str, name: str) -> Iterator[BinaryIO]:
        """The content of one; only what is read of it is fetched."""
        what = f"{name} cannot be read"
        path = self._within(posixpath.join(place, name), what)
        file = self._work.do(self._client.open(path, "rb"), what)
        try:
            size = self._work.do(file.stat(), what).size
            raw = _RemoteContent(self._work, file, size or 0, what)
            yield cast("BinaryIO", io.BufferedReader(raw, _BUFFER))
        finally:
            self._work.do(file.close(), what)

    def put(self, place: str, name: str, content: bytes) -> None:
        """A new file, moved into place when it is complete."""
        what = "nothing can be written there"
        folder = self._within(place, what)
        hidden = posixpath.join(folder, f".{name}.{secrets.token_hex(4)}.part")
        self._work.do(_written(self._client, hidden, content), what)
        self._work.do(self._client.rename(hidden, posixpath.join(folder, name)), what)

    def delete(self, place: str, name: str) -> None:
        """Take one away."""
        what = f"{name} cannot be deleted"
        self._work.do(self._client.remove(posixpath.join(self._within(place, what), name)), what)

    def version(self) -> str:
        """The server's software, as it names itself when it is connected to."""
        return str(self._connection.get_extra_info("server_version") or "").removeprefix("SSH-2.0-")

    def _within(self, name: str, what: str) -> str:
        path = str(self._work.do(self._client.realpath(posixpath.join(self._root, name)), what))
        if path != self._root and not path.startswith(f"{self._root.rstrip('/')}/"):
            raise outside(self._name, name)
        return path


class _RemoteContent(io.RawIOBase):
    """A remote file that is read where it is wanted."""

    def __init__(self, work: _Work, file: Any, size: int, what: str) -> None:
        super().__init__()
        self._work = work
        self._file = file
        self._size = size
        self._what = what
        self._at = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Bytes from the start."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go there; nothing is asked of the server."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as there is content."""
        view = memoryview(buffer)
        piece: bytes = self._work.do(self._file.read(len(view), self._at), self._what)
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


async def _written(client: Any, path: str, content: bytes) -> None:
    async with client.open(path, "wb") as file:
        await file.write(content)
