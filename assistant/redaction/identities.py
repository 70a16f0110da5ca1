"""Bank accounts and national identity numbers: by their check digits, or by the word before.

What is short or has no check digit is taken only behind its name: order and tracking numbers
look the same.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from stdnum import iban, numdb
from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ch import ssn as ahv
from stdnum.cz import rc
from stdnum.es import nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.iso7064 import mod_97_10
from stdnum.it import codicefiscale
from stdnum.mx import curp
from stdnum.se import personnummer
from stdnum.us import ssn

_IBAN_HEAD = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2} ?\d{2}(?=[ -]?[A-Za-z0-9]{2})")
_IBAN_WORD = re.compile(r"[A-Za-z]{2}\d{2}[A-Za-z0-9]{11,30}(?![A-Za-z0-9])")
_IBAN_CHARACTER = re.compile(r"[ -]?[A-Za-z0-9]")

_NINO = r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
# Forms that nothing else has, each with its check.
_FORMS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    (r"\d{3}-\d{2}-\d{4}", ssn.is_valid),
    (r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", codicefiscale.is_valid),
    (
        r"[12][ .]?\d\d[ .]?\d\d[ .]?\d[\dAB][ .]?\d{3}[ .]?\d{3}[ .]?\d\d",
        lambda text: nir.is_valid(text.replace(".", "")),
    ),
    (r"[XYZ]-?\d{7}-?[A-Z]", nie.is_valid),
    (r"\d{3}\.\d{3}\.\d{3}-\d{2}", cpf.is_valid),
    (r"756\.\d{4}\.\d{4}\.\d{2}", ahv.is_valid),
    (r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", nn.is_valid),
    (r"(?:\d{2})?\d{6}[-+]\d{4}", personnummer.is_valid),
    (r"\d{6}[-+A]\d{3}[0-9A-Y]", hetu.is_valid),
    (r"\d{6}/\d{3,4}", rc.is_valid),
    (r"[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z\d]\d", curp.is_valid),
    (rf"{_NINO} \d\d \d\d \d\d [A-D]", lambda _: True),
)
_BY_FORM = tuple(
    (re.compile(rf"(?:{pattern})(?![\w-])", re.IGNORECASE), check) for pattern, check in _FORMS
)
# Where one of them stands: looking once is faster than once for each.
_BEGINNING = re.compile(
    r"(?<![\w-])(?=\d|[A-Z]{1,6}[- ]?\d)"
    rf"(?=(?:{'|'.join(pattern for pattern, _ in _FORMS)})(?![\w-]))",
    re.IGNORECASE,
)
# Shops number by dates, too: "order 240512-1234" is no Swede.
_ORDERED = re.compile(
    r"(?<!\w)(?:orders?|invoices?|tracking|parcel|tickets?|case|ref|reference|booking|product|"
    r"part|article|item|sku|serial|bestell\w*|rechnung\w*|auftrag\w*|commande|facture|pedido|"
    r"factura|ordine|fattura)(?!\w)(?:[ -]?(?:number|no\.?|nr\.?|id))?"
    r"[\s:#-]*(?:is|ist)?[\s:#-]*\Z",
    re.IGNORECASE,
)
# Behind its name the form is enough: a mistyped number is personal data too.
_BY_NAME = (
    (r"ssn|social security|itin|taxpayer|tax id", r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
    (r"national insurance|nino|ni number|ni no", rf"{_NINO} ?\d\d ?\d\d ?\d\d ?[A-D]"),
    (r"nhs", r"\d{3}[ -]?\d{3}[ -]?\d{4}"),
    (
        r"steuer-?id\w*|steuer-?identifikationsnummer|steuernummer|idnr|tax id|tin",
        r"\d{2} ?\d{3} ?\d{3} ?\d{3}",
    ),
    (r"sozialversicherungsnummer|rentenversicherungsnummer", r"\d{2} ?\d{6} ?[A-Z] ?\d{3}"),
    (r"sozialversicherungsnummer|svnr|sv-nummer", r"\d{4} ?\d{6}"),
    (r"dni|nif|documento nacional", r"\d{8} ?-?[A-Z]"),
    (r"nif|contribuinte", r"\d{3} ?\d{3} ?\d{3}"),
    (r"bsn|burgerservicenummer|sofi-?nummer", r"\d{9}|\d{4}\.\d{2}\.\d{3}|\d{3} \d{3} \d{3}"),
    (r"numéro de sécurité sociale|sécurité sociale|nir", r"[12][\d AB]{12,20}"),
    (r"rijksregisternummer|registre national|numéro national", r"[\d.-]{11,15}"),
    (r"pesel|oib|isikukood|asmens kodas|kimlik(?: no)?|t\.?c\.? kimlik", r"\d{11}"),
    (r"cpr|cpr-?nummer|cpr-nr", r"\d{6}[- ]?\d{4}"),
    (r"fødselsnummer|fodselsnummer", r"\d{6} ?\d{5}"),
    (r"personnummer|personal number", r"(?:\d{2})?\d{6}[-+ ]?\d{4,5}"),
    (r"rodné číslo|rodne cislo", r"\d{6}/?\d{3,4}"),
    (r"cnp", r"\d{13}"),
    (r"egn|егн", r"\d{10}"),
    (r"social insurance|sin number|sin no", r"\d{3}[ -]?\d{3}[ -]?\d{3}"),
    (r"tfn|tax file number", r"\d{3} ?\d{3} ?\d{2,3}"),
    (r"aadhaar|aadhar", r"\d{4}[ -]?\d{4}[ -]?\d{4}"),
    (r"pan", r"[A-Z]{5}\d{4}[A-Z]"),
    (r"ppsn?", r"\d{7}[A-Z]{1,2}"),
    (r"cpf", r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}"),
    (r"identity number|id number|national id", r"\d{8,13}|[A-Z]{1,2}\d{6,9}"),
    (
        r"passports?|reisepass\w*|passeport|pasaporte|passaporto|paspoort|pass-?nummer|"
        r"driver'?s?'? licen[sc]e|driving licen[sc]e|führerschein\w*|permis de conduire|"
        r"id card|personalausweis\w*|ausweis\w*|carte d'identité|carta d'identità",
        r"[A-Z]{0,3}\d(?:-?\d){4,11}[A-Z]{0,2}|(?=[A-Z]*\d[A-Z]*\d)[A-Z\d]{8,10}",
    ),
)
_NAMED = tuple(
    re.compile(rf"(?:{name})(?!\w)[^\d\x00]{{1,30}}?(?<!\w)({number})(?!\w)", re.IGNORECASE)
    for name, number in _BY_NAME
)
_ANY_NAME = re.compile(
    rf"(?<!\w)(?=(?:{'|'.join(name for name, _ in _BY_NAME)})(?!\w))", re.IGNORECASE
)


def find_ibans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where IBANs stand, compact or in groups: their country's length, and modulo 97."""
    behind = 0
    for head in _IBAN_HEAD.finditer(text):
        length = _iban_length(head[0][:2].upper())
        if head.start() < behind or not length:
            continue
        end = _end_of(text, head.end(), count=length - 4)
        if end is None or not iban.is_valid(text[head.start() : end], check_country=False):
            end = _end_of_odd(text, head.start())
        if end is not None:
            yield head.start(), end
            behind = end


def find_national_ids(text: str) -> Iterator[tuple[int, int]]:
    """Yield where national identity, passport and licence numbers stand; they may overlap."""
    for at in _BEGINNING.finditer(text):
        for pattern, check in _BY_FORM:
            match = pattern.match(text, at.start())
            if match and check(match[0]) and not _is_order(text, at.start()):
                yield match.span()
    for at in _ANY_NAME.finditer(text):
        for named in _NAMED:
            if match := named.match(text, at.start()):
                yield match.span(1)


def _is_order(text: str, start: int) -> bool:
    return _ORDERED.search(text[max(0, start - 30) : start]) is not None


def _end_of_odd(text: str, start: int) -> int | None:
    """Return the end of a word whose check digits fit, whatever the registry says of its length."""
    word = _IBAN_WORD.match(text, start)
    if word is None or not mod_97_10.is_valid(f"{word[0][4:]}{word[0][:4]}".upper()):
        return None
    return word.end()


def _end_of(text: str, start: int, *, count: int) -> int | None:
    """Return the end of ``count`` letters and digits from ``start`` if a word ends there."""
    for _ in range(count):
        character = _IBAN_CHARACTER.match(text, start)
        if character is None:
            return None
        start = character.end()
    return None if text[start : start + 1].isalnum() else start


@lru_cache(maxsize=512)
def _iban_length(country: str) -> int:
    """Return how long an IBAN of ``country`` is, by the SWIFT registry; 0 for none."""
    for _, properties in numdb.get("iban").info(f"{country}00"):
        if "bban" in properties:
            return 4 + sum(map(int, re.findall(r"(\d+)!", properties["bban"])))
    return 0
