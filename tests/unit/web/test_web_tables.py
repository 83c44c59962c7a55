"""The site's own tables: what the code declares is what a migration makes, and what is written fits into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.core.errors import Malformed

pytestmark = pytest.mark.usefixtures("prepared")


@pytest.mark.parametrize("url", ["mysql://site:s3cr3t@db/site", "oracle://site:s3cr3t@db/site", "not a url: s3cr3t"])
def test_a_database_that_the_site_does_not_know_is_an_error_with_a_way_out(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seatrial.web.settings import DATABASE, settings

    monkeypatch.setenv(DATABASE, url)
    with pytest.raises(Malformed, match=DATABASE) as caught:
        settings(tmp_path / "site", secure=False)
    assert "postgresql://" in caught.value.remedy
    assert "s3cr3t" not in str(caught.value)


def test_every_declared_table_and_column_is_made_by_a_migration(capsys: pytest.CaptureFixture[str]) -> None:
    from django.core.management import call_command

    call_command("makemigrations", "site", "--check", "--dry-run")
    assert "No changes detected" in capsys.readouterr().out


def test_whoever_has_the_longest_name_and_address_still_fits_into_the_log() -> None:
    from seatrial.web.access import Door, at_the_door
    from seatrial.web.models import Account, Deed

    address = f"{'a' * 60}@{'.'.join(['b' * 60] * 3)}.example"
    account = Account(email=address, name="N" * 200)
    account.set_unusable_password()
    account.save()
    try:
        at_the_door(account, Door.SIGN_IN, about="x" * 400)
        put_down = Deed.objects.filter(account=account).latest("at")
        # SQLite takes what is too long; PostgreSQL refuses it, and with it whatever was to be put down.
        put_down.full_clean()
    finally:
        account.delete()
