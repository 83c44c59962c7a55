"""What a process connects to, written down as the firewall of its host would: every address, as it really happens."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

CONNECTIONS = "connections.jsonl"
"""What the log is called, beside the logs of who calls."""
_CONNECTS = "socket.connect"


def write_connections(log: Path, *, inside: Sequence[str] = ()) -> None:
    """From now on every connection that this process opens over a network is a JSON line in `log`.

    `inside` are the URLs of parts of the same system, to which no firewall stands in between.
    """
    log.parent.mkdir(exist_ok=True)
    file = log.open("a", encoding="utf-8", buffering=1)
    passed_over = {urlsplit(url).netloc for url in inside}

    def heard(event: str, arguments: tuple[object, ...]) -> None:
        if event != _CONNECTS:
            return
        address = arguments[1]
        if not isinstance(address, tuple) or len(address) < 2:
            return
        to = f"{address[0]}:{address[1]}"
        if to not in passed_over:
            file.write(json.dumps({"at": datetime.now(UTC).isoformat(), "to": to}) + "\n")

    # A hook, because clients of several kinds open connections here; it ends with the process.
    sys.addaudithook(heard)
