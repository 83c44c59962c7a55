"""A real mail server that keeps what it is sent, or turns it away."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Self


class Mailbox:
    """Serves while it is entered. `refuses` turns every mail away for now."""

    def __init__(self) -> None:
        from aiosmtpd.controller import Controller

        self.mails: list[EmailMessage] = []
        self.refuses = False
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - its name in aiosmtpd
        if self.refuses:
            return "451 try again later"
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"

    def texts(self) -> list[str]:
        """Of each mail to whom it is, what it is about and what it says."""
        return [f"{mail['To']} {mail['Subject']} {_said(mail)}" for mail in self.mails]

    def declare(self, file: Path, people: Mapping[str, str]) -> None:
        """Give people of a system file, id to name, a route that leads here."""
        text = file.read_text()
        for person, name in people.items():
            route = f"mailto://127.0.0.1:{self.port}?mode=insecure&from=seatrial@example.com&to={person}@example.com"
            text = text.replace(f"{{name: {name}}}", f'{{name: {name}, page: "{route}"}}')
        file.write_text(text)


def _said(mail: EmailMessage) -> str:
    part = mail.get_body(preferencelist=("plain", "html"))
    return "" if part is None else str(part.get_content())
