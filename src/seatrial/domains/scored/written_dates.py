"""Texts without what their day alone writes into them: figures by their form, and no names of months.

A letter states its own date and a running number, so letters of two months differ in both, whatever they are about.
"""

from __future__ import annotations

import re
from typing import Final

_DIGIT: Final = re.compile(r"\d")
_MONTHS: Final = (
    "january february april june july august september october november december",
    "januar jänner februar feber märz juni juli oktober dezember",
    "janvier février avril juin juillet août septembre octobre novembre décembre",
    "enero febrero abril junio julio septiembre octubre noviembre diciembre",
    "gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre",
    "januari februari april juni juli augustus",
)
"""English, German, French, Spanish, Italian, Dutch."""
_BESIDE_A_FIGURE: Final = (
    "march may mai mars marzo maart mei mayo agosto "
    "jan feb mar mär apr jun jul aug sep sept oct okt nov dec dez déc ene abr ago dic gen mag giu lug set ott mrt"
)
"""Names and short forms that are other words, too: a month only where a figure stands beside them."""
_MONTH: Final = re.compile(
    rf"(?<!\w)(?:(?:{'|'.join(' '.join(_MONTHS).split())})(?!\w)"
    rf"|(?<=\d[ ])(?:{'|'.join(_BESIDE_A_FIGURE.split())})(?!\w)[.]?"
    rf"|(?<=\d[.][ ])(?:{'|'.join(_BESIDE_A_FIGURE.split())})(?!\w)[.]?"
    rf"|(?<=\d[-])(?:{'|'.join(_BESIDE_A_FIGURE.split())})(?!\w)[.]?"
    rf"|(?:{'|'.join(_BESIDE_A_FIGURE.split())})[.]?(?= \d))",
    re.IGNORECASE,
)


def undated(text: str) -> str:
    """The text with every digit as 0 and every month as 0.

    >>> undated("Due 26 March 2027, order 4711; they march on in May.")
    'Due 00 0 0000, order 0000; they march on in May.'
    >>> undated("Köln, den 3. Oktober 2026")
    'Köln, den 0. 0 0000'
    >>> undated("3. Okt. 2026, Oct. 3, 2026 and 3-OCT-2026")
    '0. 0 0000, 0 0, 0000 and 0-0-0000'
    """
    return _DIGIT.sub("0", _MONTH.sub("0", text))
