"""The site as it is served, each answer with the processor's time that its request took: for `benchmarks.site` alone.

    python -m benchmarks._timed_site FOLDER PORT

Whoever asks for `BEFORE_MIDNIGHT` moves the clock of the site, and of nothing else, to `SOON_S` before the next
midnight (UTC), and for `NEXT_DAY` to that midnight.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from datetime import time as of_day
from pathlib import Path
from typing import Final

from django.http import HttpRequest, HttpResponse

TOOK: Final = "X-Processor-Ms"
NEXT_DAY: Final = "/next-day/"
BEFORE_MIDNIGHT: Final = "/before-midnight/"
SOON_S: Final = 180.0
_MOVES: Final = {NEXT_DAY: 0.0, BEFORE_MIDNIGHT: SOON_S}


def timed(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Says what the request took of the processor in its own thread, in milliseconds."""

    def answered(request: HttpRequest) -> HttpResponse:
        if request.path in _MOVES:
            _to_next_day(but_s=_MOVES[request.path])
            return HttpResponse()
        start = time.thread_time()
        response = get_response(request)
        response[TOOK] = f"{(time.thread_time() - start) * 1000:.2f}"
        return response

    return answered


def _to_next_day(*, but_s: float) -> None:
    from django.utils import timezone

    from seatrial.app.folder.clock import SystemClock

    system, site = SystemClock.now, timezone.now
    now = site()
    ahead = datetime.combine(now.date() + timedelta(days=1), of_day.min, UTC) - now - timedelta(seconds=but_s)
    SystemClock.now = lambda self: system(self) + ahead  # type: ignore[method-assign]
    timezone.now = lambda: site() + ahead


def main(folder: Path, port: str) -> None:
    """Serve until stopped. The site must be prepared."""
    from seatrial.web.serving import serve
    from seatrial.web.settings import configure

    configure(folder)
    from django.conf import settings

    settings.MIDDLEWARE = ("benchmarks._timed_site.timed", *settings.MIDDLEWARE)
    serve(folder, f"127.0.0.1:{port}", say=lambda text: print(text, file=sys.stderr, flush=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
