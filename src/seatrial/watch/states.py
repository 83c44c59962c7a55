"""What may have become of an alarm."""

from __future__ import annotations

OPEN = "open"
ACKNOWLEDGED = "acknowledged"
CLOSED = "closed"
