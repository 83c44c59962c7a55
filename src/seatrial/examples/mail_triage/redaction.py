"""Takes out of a mail what names people, and what only the list's server adds after a mail was routed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_ADDRESS = re.compile(r"[\w.+=/-]+@[\w-]+(?:\.[\w-]+)+")
_LINK = re.compile(r"(?:https?|ftp)://\S+|\bwww\.\S+", re.IGNORECASE)
_PHONE = re.compile(
    r"\+\d{1,3}(?:[ ./-]?\(?\d{1,5}\)?){2,6}(?!\w)|(?<![\w.])\(?\d{1,4}\)?(?:[ ./-]\(?\d{2,5}\)?){2,5}(?!\w)"
)
_HOST = re.compile(r"\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|net|org|ie|edu|uk|de|info)\b", re.IGNORECASE)
_WROTE = re.compile(r"^.*\b(?:wrote|writes|said|says)\s*:?\s*$", re.IGNORECASE | re.MULTILINE)
_ATTRIBUTION = re.compile(r"^>*\s*(?:From|To|Cc|Sent|Date|Subject|Reply-To|Sender)\s*:.*$", re.MULTILINE)
_SIGNATURE = re.compile(r"^-- ?$.*", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r"^\s*(?:\w{0,4}[>|]|-{0,2}\]).*$", re.MULTILINE)
_FORWARDED = re.compile(r"^-+ ?Original Message ?-+$.*", re.MULTILINE | re.DOTALL | re.IGNORECASE)
_TAG = re.compile(
    r"\[[^\]]*(?:ilug|razor|satalk|sadev|spamassassin|zzzzteana|forteana|exmh|rpm|fork)[^\]]*\]", re.IGNORECASE
)
_FOOTER = re.compile(
    r"^(?:_{20,}|-{20,} Yahoo! Groups|-{40,}\s*$|This sf\.net email|Irish Linux Users' Group|To unsubscribe from this)"
    r".*",
    re.MULTILINE | re.DOTALL,
)
_NAMES_OF_LISTS = re.compile(
    r"\b(?:rpm-(?:zzz)?list|razor-users?|spamassassin-(?:talk|devel)|satalk|sadev|exmh-(?:workers|users)|zzzzteana|"
    r"forteana|ilug|fork-admin)\b",
    re.IGNORECASE,
)
_FOOTERS = {
    "fork": "posted through the FoRK list server",
    "ilug": "Irish Linux Users' Group, for (un)subscription information see the list server",
    "rpm": "RPM-List mailing list at the list server",
    "spamassassin": "Spamassassin-talk mailing list at the list server",
    "exmh": "Exmh-workers mailing list at the list server",
    "razor": "Razor-users mailing list at the list server",
    "forteana": "To unsubscribe from this group, write to forteana-unsubscribe",
}


@dataclass(frozen=True, slots=True)
class Redaction:
    """Knows the names under which people wrote, and takes them out everywhere."""

    names: re.Pattern[str]
    first: frozenset[str]

    @classmethod
    def of(cls, senders: Iterable[str]) -> Redaction:
        """From the `From` headers of all mails."""
        people = {_person(sender) for sender in senders} - {""}
        full = sorted((name for name in people if " " in name), key=lambda name: (-len(name), name))
        first = frozenset(part.lower() for name in people for part in name.split() if len(part) > 1)
        return cls(re.compile("|".join(map(re.escape, full)) or r"(?!)", re.IGNORECASE), first)

    def applied(self, text: str) -> str:
        """The text without addresses, telephone numbers, links, host names, people's names, signatures, other mails."""
        text = _SIGNATURE.sub("", _QUOTED.sub("", _FORWARDED.sub("", text)))
        text = _WROTE.sub("", text)
        text = _ATTRIBUTION.sub("", text)
        text = _LINK.sub("(link)", text)
        text = _ADDRESS.sub("(address)", text)
        text = _HOST.sub("(host)", text)
        text = _PHONE.sub("(phone)", text)
        text = self.names.sub("(name)", text)
        text = _NAMES_OF_LISTS.sub("(list)", text)
        return "\n".join(line for line in text.split("\n") if not self._signs(line))

    def _signs(self, line: str) -> bool:
        """Whether a line holds nothing but names, as at the end of a letter."""
        words = re.findall(r"[^\W\d_]+", line)
        return 0 < len(words) <= 3 and all(word.lower() in self.first for word in words)


def _person(sender: str) -> str:
    name = re.sub(r"<[^>]*>|\([^)]*\)|[\"']", " ", sender)
    name = " ".join(re.findall(r"[^\W\d_]+", re.sub(r"\S+@\S+", " ", name)))
    return name if len(name) > 3 else ""


def without_tag(subject: str) -> str:
    """The subject before the list's server put its name in front."""
    return " ".join(_TAG.sub(" ", subject).split())


def without_footer(body: str) -> str:
    """The body before the list's server wrote under it."""
    return _FOOTER.sub("", body.replace("\r\n", "\n"))


def footer_of(queue: str) -> str:
    """What the list's server writes under a mail that has been routed: known only afterwards."""
    return _FOOTERS[queue]


def plain(text: str) -> str:
    """Without runs of blanks and empty lines, or characters that are none."""
    lines = (re.sub(r"[^\S\n]+", " ", line).strip() for line in text.split("\n"))
    kept = "\n".join(line for line in lines if line)
    return "".join(c for c in kept if c == "\n" or c.isprintable())
