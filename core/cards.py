"""Payment cards: where their numbers and security codes stand, and masks in their place.

They are never stored, so this stands below everything that stores.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stdnum import luhn

from core.folding import fold

# The insides of regular expressions that ignore case: what stands before a number that is
# nobody's card or telephone, and beside those that are cards', as customers write.
OTHER_NUMBERS = (
    r"orders?|invoices?|receipts?|tracking|parcel|shipment|consignment|tickets?|case|ref|reference|"
    r"booking|reservation|confirmation|account|customer (?:id|no|number)|member(?:ship)?|"
    r"serial|model|sku|item|product|part|article|imei|vin|barcode|ean|isbn|upc|gtin|asin|"
    r"zip|post ?code|postal code|policy|contract|transaction|id|coupon|voucher|code|pin|"
    r"lot|batch|version|quantity|qty|price|amount|total|"
    r"bestell\w*|auftrag\w*|rechnung\w*|kunden\w*|sendung\w*|paket\w*|artikel\w*|vertrag\w*|"
    r"vorgang\w*|buchung\w*|plz|konto\w*|commande|facture|colis|suivi|dossier|pedido|factura|"
    r"envío|seguimiento|ordine|fattura|spedizione|bestelling|factuur|klantnummer|encomenda|fatura"
)
_CARD_WORDS = (
    r"cards?|cc|visa|master ?card|maestro|amex|american express|discover|diners|jcb|unionpay|"
    r"kredit\w*|karte\w*|kartennummer|carte|tarjeta|carta|cartão|cartao|kaart|kort|karta|"
    r"kartu|kredietkaart|credit|debit|pan|paid with|pay with"
)
_CODE_WORDS = (
    r"cvv2?|cvc2?|csc|cid|card verification (?:code|value|number)|security code|"
    r"prüfziffer|prüfnummer|sicherheitscode|kartenprüfnummer|cryptogramme(?: visuel)?|"
    r"código de seguridad|codice di sicurezza|código de segurança|beveiligingscode"
)
_SEPARATOR = r"(?: ?[-._·/] ?| {1,2}| ?\r?\n ?)"
_NUMBERS = re.compile(rf"(?<!\d)\d+(?:{_SEPARATOR}\d+)*+")
_DIGITS = re.compile(r"\d+")
_ENOUGH_DIGITS = re.compile(r"\d(?:[\s\-._·/]{0,4}\d){11}")
_SHORTEST, _LONGEST = 12, 19
# How far from a number the words may stand that say what it is.
_BEFORE, _BEHIND = 80, 40
# ISO/IEC 7812 ranges in use, as (lowest prefix, highest prefix, lengths): lengths so common
# that the check digit is enough.
_SCHEMES = (
    (34, 34, {15}),
    (37, 37, {15}),
    (300, 305, {14, 16}),
    (3095, 3095, {14, 16}),
    (36, 36, {14, 16}),
    (38, 39, {14, 16}),
    (4, 4, {16, 19}),
    (51, 55, {16}),
    (2221, 2720, {16}),
    (3528, 3589, {16, 17, 18, 19}),
    (2200, 2204, {16}),
    (50, 50, {16, 19}),
    (56, 69, {16, 19}),
    (81, 82, {16, 19}),
    (9792, 9792, {16}),
)
_WORDS = re.compile(rf"(?<!\w)(?:{_CARD_WORDS})(?!\w)", re.IGNORECASE)
_OTHER_NUMBER = re.compile(
    rf"(?<!\w)(?:{OTHER_NUMBERS})(?!\w)(?:[ -]?(?:number|no\.?|nr\.?|id))?[\s:#-]*"
    r"(?:is|was|ist|lautet|est|es)?[\s:#-]*\Z",
    re.IGNORECASE,
)
_SECURITY_CODE = re.compile(
    rf"(?<!\w)(?:{_CODE_WORDS})(?!\w)"
    r"(?: ?(?:number|code|is|ist|est|es|was|:|=|#|-)){0,4} ?(\d{3,4})(?![\w-])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring groups of digits, and how far into them the words at both ends reach."""

    text: str
    groups: list[tuple[int, int]]
    named_until: int
    named_from: int

    def may_be_named(self, start: int, end: int) -> bool:
        """Whether a word may say of the number there that it is a card's."""
        return start < self.named_until or end > self.named_from


def find_cards(text: str) -> Iterator[tuple[int, int]]:
    """Yield where card numbers stand in a folded text: a known range and length, and Luhn."""
    if not _ENOUGH_DIGITS.search(text):
        return
    for run in _NUMBERS.finditer(text):
        groups = [match.span() for match in _DIGITS.finditer(text, run.start(), run.end())]
        yield from _cards_in(text, groups)


def find_security_codes(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the three or four digits of a card's back stand."""
    for match in _SECURITY_CODE.finditer(text):
        yield match.span(1)


def mask_cards(text: str) -> str:
    """Return ``text`` with card numbers as ``•••• 1111`` and their security codes hidden."""
    folded = fold(text)
    found = [(*span, True) for span in find_cards(folded.text)]
    found += [(*span, False) for span in find_security_codes(folded.text)]
    for start, end, is_card in sorted(found, reverse=True):
        digits = "".join(_DIGITS.findall(folded.text[start:end]))
        mask = f"•••• {digits[-4:]}" if is_card else "•" * len(digits)
        first, behind = folded.original(start, end)
        text = f"{text[:first]}{mask}{text[behind:]}"
    return text


def _cards_in(text: str, groups: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the cards among neighbouring groups of digits; each is looked at 19 times at most."""
    run = _run_of(text, groups)
    first = 0
    while first < len(groups):
        last = _last_group(run, first=first)
        if last is not None:
            yield groups[first][0], groups[last][1]
            first = last
        first += 1


def _run_of(text: str, groups: list[tuple[int, int]]) -> _Run:
    start, end = groups[0][0], groups[-1][1]
    before, behind = text[max(0, start - _BEFORE) : start], text[end : end + _BEHIND]
    return _Run(
        text=text,
        groups=groups,
        named_until=start + _BEFORE if _WORDS.search(before) else start,
        named_from=end - _BEHIND if _WORDS.search(behind) else end,
    )


def _last_group(run: _Run, *, first: int) -> int | None:
    """Return with which group a card ends that begins with group ``first``."""
    digits = ""
    for last in range(first, min(len(run.groups), first + _LONGEST)):
        start, end = run.groups[last]
        if len(digits) + end - start > _LONGEST:
            return None
        digits += run.text[start:end]
        if len(digits) >= _SHORTEST and _is_card(run, digits, first=first, last=last):
            return last
    return None


def _is_card(run: _Run, digits: str, *, first: int, last: int) -> bool:
    text, start, end = run.text, run.groups[first][0], run.groups[last][1]
    groups = last + 1 - first
    before, behind = text[max(0, start - _BEFORE) : start], text[end : end + _BEHIND]
    is_broken = len(digits) < 3 * groups or "\n" in text[start:end]
    is_glued = before[-1:].isalpha() or before.endswith("_")
    # Parcels, devices and barcodes have such lengths and check digits too.
    must_be_named = is_broken or is_glued or not _is_of_scheme(digits)
    # The cheap looks first: a text of loose digits has thousands that end here.
    if must_be_named and not run.may_be_named(start, end):
        return False
    if len(set(digits)) < 2 or not luhn.is_valid(digits):
        return False
    if must_be_named:
        named = _WORDS.search(before) or _WORDS.search(behind)
        return named is not None and not _OTHER_NUMBER.search(before)
    return not (groups == 1 and _OTHER_NUMBER.search(before))


def _is_of_scheme(digits: str) -> bool:
    return any(
        len(digits) in lengths and low <= int(digits[: len(str(low))]) <= high
        for low, high, lengths in _SCHEMES
    )
