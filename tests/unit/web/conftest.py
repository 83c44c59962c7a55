"""One site for all tests in this folder: Django is configured once in a process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The site's own folder, with its tables made. Passwords are hashed fast: the slow hash is Django's own."""
    pytest.importorskip("django", reason="the site is the extra `web`, which is not installed")
    from seatrial.web.serving import prepare

    prepare(tmp_path_factory.mktemp("site"), [])
    from django.conf import settings
    from django.test import override_settings

    # A process has one site: where another test made it, that is the one.
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield settings.SITE_FOLDER
