"""The language of a text by its commonest small words, and by its script where one language has its own.

A guess that needs no model and no download: good for telling groups of texts apart, not for single short texts.
"""

from __future__ import annotations

from collections.abc import Sequence

UNKNOWN = "unknown"
_FEWEST_HITS = 2
_FEWEST_SHARE = 0.08
_SMALL_WORDS: dict[str, str] = {
    "English": "the of and to in is you that it he was for on are with as his they at be this have from or had by not "
    "but what we can your when there an she which do their if will how about our has been please would i my me no",
    "German": "der die das und ist nicht ich sie es zu den mit auf für ein eine dem von wir ihr sich des im auch als "
    "an bei aus wie nach noch nur haben hat werden wird einen einer bitte sind war oder aber wenn dass mir uns ihre",
    "French": "le la les de des et est un une du que qui dans pour pas sur au avec ce il elle je vous nous ne se sont "
    "par plus mais ou être avoir cette mon ma mes votre vos notre bonjour merci comme ont aux leur été",
    "Spanish": "el la los las de que y en un una es por con no para se del al lo como más pero su sus le ha me si sin "
    "sobre este ya entre cuando muy hay también fue mi qué nos usted gracias hola está son ser",
    "Italian": "il lo la gli le di che e è un una per non con del della dei si sono da al alla nel come più anche ma "
    "ho hai ha mi ci questo questa mio grazie buongiorno se o dal delle degli essere stato vorrei nella",
    "Portuguese": "o os as de que e do da em um uma para com não por mais dos das no na se como mas foi ao ele ela seu "
    "sua ou ser quando muito há nos já está eu também só pelo pela até isso você obrigado minha meu são",
    "Dutch": "de het een van en in is dat op te zijn met voor niet aan er om ook als dan maar bij uit nog naar heeft "
    "ik je u we ze hij wij deze dit kan wordt geen mijn uw hebben was worden door over wat graag",
    "Polish": "w i na z do się nie że jest to o jak po co ale za od tak czy być dla przez już są był ma mnie mi pan "
    "pani tego tym proszę przy lub może które który oraz tylko bardzo ze",
    "Swedish": "och att det i en som är av för på med den till inte om ett han men har de jag vi kan från var så hon "
    "vid nu också min mitt er era ni tack hej skulle när eller ska",
    "Danish": "og at det i en som er af for på med den til ikke om et han men har de jeg vi kan fra var så hun ved nu "
    "også min mit jer i tak hej skulle når eller skal blev efter",
    "Czech": "a v se na je že to s z do o k i za by ale jako po jsem ve pro jsou už co nebo tak při jen který která "
    "jsme od mi jeho prosím dobrý byl bylo není však",
    "Turkish": "ve bir bu da de için ile çok o ne olarak ben var daha gibi ama en kadar sonra mi mı değil olan ki bana "
    "siz lütfen merhaba teşekkürler ya her şey nasıl olduğu",
    "Russian": "и в не на я что он с как это по но они мы она так его из за у вы же бы от мне было для ещё о к до вас "
    "был нет если или пожалуйста есть меня при",
    "Ukrainian": "і в не на я що він з як це по але вони ми вона так його із за у ви ж би від мені було для ще про до "
    "вас був немає якщо або будь ласка є мене при та",
}
_OF_SCRIPT = {
    "Greek": "Greek",
    "Hebrew": "Hebrew",
    "Armenian": "Armenian",
    "Georgian": "Georgian",
    "Hangul": "Korean",
    "Japanese": "Japanese",
    "Han": "Chinese",
    "Thai": "Thai",
    "Arabic": "Arabic or Persian",
    "Devanagari": "Hindi or Marathi",
}
_LANGUAGES = tuple(_SMALL_WORDS)
_SPOKEN_IN = {
    word: tuple(i for i, words in enumerate(_SMALL_WORDS.values()) if word in words.split())
    for word in {word for words in _SMALL_WORDS.values() for word in words.split()}
}
"""Small word to the languages that have it."""


def language_of(words: Sequence[str], script: str) -> str:
    """The language of these lower-case words, `unknown` where they do not tell.

    >>> language_of("the parcel is not there".split(), "Latin")
    'English'
    >>> language_of("das paket ist nicht da".split(), "Latin")
    'German'
    >>> language_of(["sku", "4711"], "Latin")
    'unknown'
    """
    if script in _OF_SCRIPT:
        return _OF_SCRIPT[script]
    if not words:
        return UNKNOWN
    hits = [0] * len(_LANGUAGES)
    for word in words:
        for i in _SPOKEN_IN.get(word, ()):
            hits[i] += 1
    best = max(hits)
    if best < _FEWEST_HITS or best < _FEWEST_SHARE * len(words):
        return UNKNOWN
    return _LANGUAGES[hits.index(best)]
