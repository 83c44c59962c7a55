"""Pages of an answer gone through to the last one, never in a circle, and never without an end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urljoin

from seatrial.core.errors import Malformed

_MOST: Final = 1_000_000


def every_entry(
    name: str,
    url: str,
    page: Callable[[str], tuple[Sequence[Mapping[str, Any]], str]],
    *,
    if_more: str,
) -> Iterator[Mapping[str, Any]]:
    """Every entry of every page from `url` on; `page` answers the entries of one, and the link to the next or nothing.

    Raises Malformed for pages in a circle, and for more than a million entries of the integration `name`, with the
    remedy `if_more`.
    """
    seen: set[str] = set()
    count = 0
    while url:
        if url in seen:
            raise Malformed(f"integration {name!r} answers pages in a circle")
        seen.add(url)
        entries, following = page(url)
        for entry in entries:
            count += 1
            if count > _MOST:
                raise Malformed(f"integration {name!r} answers more than {_MOST:,} records", remedy=if_more)
            yield entry
        url = urljoin(url, following) if following else ""
