"""The company's own provider of sign-in, as the environment names it; none by default."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec

from seatrial.adapters.open_id import OpenId, Provider, secure
from seatrial.core.errors import Malformed, MissingExtra
from seatrial.web.language import _

ISSUER = "SEATRIAL_OIDC_ISSUER"
CLIENT = "SEATRIAL_OIDC_CLIENT"
SECRET = "SEATRIAL_OIDC_SECRET"  # noqa: S105 - the name of a variable
NAME = "SEATRIAL_OIDC_NAME"
"""What people call the provider; by default the company's sign-in."""


def called() -> str:
    """What the pages call the provider; empty where there is none."""
    return os.environ.get(NAME) or _("the company's sign-in") if os.environ.get(ISSUER) else ""


def provider() -> OpenId | None:
    """The provider, None where none is named. Raises Malformed, Refused, MissingExtra for one that cannot be used."""
    issuer = os.environ.get(ISSUER, "").strip()
    if not issuer:
        return None
    return _made(issuer, os.environ.get(CLIENT, "").strip(), os.environ.get(SECRET, "").strip())


@cache
def _made(issuer: str, client: str, secret: str) -> OpenId:
    if find_spec("joserfc") is None:
        raise MissingExtra(f"{ISSUER} is set, and it needs joserfc", remedy="install `seatrial[sso]`")
    if not client:
        raise Malformed(f"{ISSUER} is set, {CLIENT} is not", remedy=f"Set {CLIENT} as this site is called there.")
    secure(issuer)
    return OpenId(Provider(issuer=issuer, client=client, secret=secret))
