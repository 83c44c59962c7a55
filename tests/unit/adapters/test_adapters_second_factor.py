"""Codes that change every half minute: RFC 6238, the clock of a phone, no code twice, and how secrets rest."""

from __future__ import annotations

import pytest

from seatrial.adapters.signers.second_factor import (
    RECOVERY_CODES,
    address,
    code_at,
    new_recovery_codes,
    new_secret,
    recovery_digest,
    sealed,
    step_of,
    typed,
    unsealed,
)
from seatrial.core.errors import Refused

SECRET = b"12345678901234567890"
VECTORS = {59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037"}
"""RFC 6238, appendix B, for SHA-1: the last six of its eight digits."""


@pytest.mark.parametrize(("at", "code"), VECTORS.items())
def test_the_codes_are_those_of_the_standard(at: int, code: str) -> None:
    assert code_at(SECRET, at) == code
    assert step_of(SECRET, code, at=at, after=0) == at // 30
    assert step_of(SECRET, f" {code[:3]} {code[3:]}", at=at, after=0) == at // 30


@pytest.mark.parametrize(("off_s", "taken"), [(-61, False), (-30, True), (0, True), (30, True), (61, False)])
def test_a_phones_clock_may_be_off_by_one_step_and_no_more(off_s: int, taken: bool) -> None:
    now = 1234567890
    assert (step_of(SECRET, code_at(SECRET, now + off_s), at=now, after=0) is not None) is taken


def test_no_code_is_taken_twice_nor_an_older_one_after_it() -> None:
    now = 1234567890
    used = step_of(SECRET, code_at(SECRET, now), at=now, after=0)
    assert used is not None
    assert step_of(SECRET, code_at(SECRET, now), at=now + 5, after=used) is None
    assert step_of(SECRET, code_at(SECRET, now - 30), at=now, after=used) is None
    assert step_of(SECRET, code_at(SECRET, now + 30), at=now + 30, after=used) == used + 1


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "٢٨٧٠٨٢", "000000"])
def test_what_is_no_code_of_now_is_not_taken(code: str) -> None:
    assert step_of(SECRET, code, at=59, after=0) is None


def test_the_picture_says_what_a_phone_needs() -> None:
    assert address(SECRET, "a@b.example", "seatrial").startswith("otpauth://totp/seatrial:a%40b.example?")
    assert typed(SECRET).replace(" ", "") in address(SECRET, "a@b.example", "seatrial")


def test_a_sealed_secret_opens_for_its_account_on_its_site_alone() -> None:
    secret = new_secret()
    kept = sealed("the site's", 7, secret)
    assert secret not in kept
    assert unsealed("the site's", 7, kept) == secret
    for site, account in (("the site's", 8), ("another's", 7)):
        with pytest.raises(Refused, match="cannot be read"):
            unsealed(site, account, kept)


def test_recovery_codes_are_distinct_and_their_digests_useless_elsewhere() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == RECOVERY_CODES
    digest = recovery_digest("the site's", 7, codes[0])
    assert recovery_digest("the site's", 7, codes[0].upper().replace("-", " ")) == digest
    assert recovery_digest("the site's", 8, codes[0]) != digest
    assert recovery_digest("another's", 7, codes[0]) != digest
