"""What is said of free texts: it depends on each text alone, and tells languages, scripts and templates apart."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from seatrial.domains.scored.languages import language_of
from seatrial.domains.scored.rows import Rows
from seatrial.domains.scored.text_features import (
    Texts,
    free_texts,
    normalised,
    opening_of,
    parts_of_text,
    script_of,
    term_lists,
    terms_of,
    vocabulary,
    words_of,
)
from seatrial.measure.columns import Columns
from seatrial.spec.model import InputField

SENTENCES = {
    "English": "Hello, my order has not been delivered and I would like to know when it will be here.",
    "German": "Guten Tag, ich habe das Paket noch nicht erhalten und bitte um eine Auskunft.",
    "French": "Bonjour, je n'ai pas encore reçu mon colis, pouvez-vous me dire où il est ?",
    "Spanish": "Hola, todavía no he recibido el paquete y me gustaría saber cuándo llega.",
    "Italian": "Buongiorno, non ho ancora ricevuto il pacco e vorrei sapere quando arriva.",
    "Dutch": "Ik heb het pakket nog niet ontvangen en wil graag weten wanneer het komt.",
    "Polish": "Dzień dobry, nie mam jeszcze przesyłki i proszę o informację, kiedy ona jest.",
    "Portuguese": "Olá, ainda não recebi a encomenda e gostaria de saber quando é que ela chega.",
    "Swedish": "Hej, jag har inte fått mitt paket än och undrar när det ska komma.",
    "Russian": "Здравствуйте, я ещё не получил посылку и хотел бы узнать, когда она будет.",
    "Greek": "Δεν έχω λάβει ακόμη το δέμα μου.",
    "Chinese": "我还没有收到我的包裹。",
    "Japanese": "まだ荷物を受け取っていません。",
    "Korean": "아직 소포를 받지 못했습니다.",
}


@pytest.mark.parametrize(("language", "sentence"), SENTENCES.items())
def test_a_sentence_tells_its_language(language: str, sentence: str) -> None:
    assert language_of(words_of(sentence), script_of(sentence)) == language


@pytest.mark.parametrize("text", ["", "4711", "SKU-99 / 12", "??", "\ud800", "\u200b\u200b", "a" * 100_000])
def test_texts_that_tell_nothing_are_of_unknown_language(text: str) -> None:
    assert language_of(words_of(text), script_of(text)) == "unknown"
    assert script_of(text) in {"none", "Latin"}


def test_a_text_has_the_same_features_whatever_stands_beside_it() -> None:
    many = _texts([*SENTENCES.values(), None, ""])
    one = _texts([SENTENCES["German"]])
    for whole, alone in zip(parts_of_text(many), parts_of_text(one), strict=True):
        assert whole.name == alone.name
        if whole.numbers is not None and alone.numbers is not None:
            assert whole.numbers[1] == alone.numbers[0]
            assert np.isnan(whole.numbers[-2])
        elif whole.codes is not None and alone.codes is not None:
            assert whole.levels[whole.codes[1]] == alone.levels[alone.codes[0]]
            assert whole.codes[-2] == -1


def test_texts_of_one_template_share_their_opening() -> None:
    assert opening_of("Order 12 was sent") == opening_of("ORDER 99871 was lost")
    assert opening_of("!!! --- ???") == "(no words)"
    assert normalised("  Order #12,  was SENT. ") == "order 12 was sent"


def test_prose_is_told_from_categories_names_and_numbers() -> None:
    n = 60
    batch = pa.RecordBatch.from_pydict(
        {
            "body": [f"The parcel number {i} did not arrive" for i in range(n)],
            "carrier": ["EV", "AB"] * (n // 2),
            "id": [f"shipment-{i}" for i in range(n)],
            "weight": list(range(n)),
            "japanese": [f"荷物{i}をまだ受け取っていません" for i in range(n)],
            "kind": [f"a kind of many words {i % 3}" for i in range(n)],
        }
    )
    rows = Rows(columns=Columns(batch), total=n)
    inputs = {name: InputField(type="string") for name in (*batch.schema.names, "absent")}
    assert [texts.name for texts in free_texts(rows, inputs)] == ["body", "japanese"]


def test_terms_are_words_and_neighbours_with_the_share_of_texts() -> None:
    lists = term_lists(["late parcel", "late parcel 12", "late again", ""])
    words = vocabulary(lists, fewest=2, most=10)
    assert words == ("late", "late parcel", "parcel")
    assert terms_of(lists, words).share().tolist() == [0.75, 0.5, 0.5]
    assert terms_of([], words).share().tolist() == [0.0, 0.0, 0.0]


def _texts(values: list[str | None]) -> Texts:
    distinct = tuple(dict.fromkeys(v for v in values if v is not None))
    codes = np.array([-1 if v is None else distinct.index(v) for v in values], dtype=np.int64)
    return Texts(name="body", distinct=distinct, codes=codes)
