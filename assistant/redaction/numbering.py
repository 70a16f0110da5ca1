"""Numbering plans: whether a number may exist in some countries, and its international form."""

import re
from collections.abc import Iterable
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberFormat

from assistant.redaction.regions import home_regions

_ABROAD = re.compile(r"\A(?:00|011)(?=[ (-]?[1-9])")


def names_country(number: str) -> bool:
    """Tell whether ``number`` begins with ``+`` or what is dialled for it."""
    return number.startswith(("+", "(+")) or _ABROAD.match(number) is not None


def is_international(number: str) -> bool:
    """Tell whether ``number``, which names its country, has a length that country knows."""
    return _international(number) is not None


def is_valid(number: str, regions: Iterable[str]) -> bool:
    """Tell whether ``number`` is in a range that one of ``regions`` has given out."""
    return _national(number, regions) is not None


def is_possible(number: str, locale: str) -> bool:
    """Tell whether ``number`` has a length that is in use where ``locale`` is spoken."""
    return _possible(number, locale) is not None


def significant_digits(number: str) -> str:
    """Return the digits of ``number`` in E.164 if it names its country, else those of any zone.

    Without a country they are the end of the same number's E.164, so the two can be matched.
    """
    parsed = _international(number) if names_country(number) else None
    if parsed is not None:
        return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)[1:]
    return "".join(filter(str.isdigit, number)).lstrip("0")


def _international(number: str) -> PhoneNumber | None:
    parsed = _parse(_ABROAD.sub("+", number), None)
    return parsed if parsed and phonenumbers.is_possible_number(parsed) else None


def _national(number: str, regions: Iterable[str]) -> PhoneNumber | None:
    digits = "".join(filter(str.isdigit, number))
    for region in regions:
        if not _may_be(digits, region):
            continue
        parsed = _parse(number, region)
        if parsed and phonenumbers.is_valid_number_for_region(parsed, region):
            return parsed
    return None


def _possible(number: str, locale: str) -> PhoneNumber | None:
    for region in home_regions(locale):
        parsed = _parse(number, region)
        if parsed and phonenumbers.is_possible_number(parsed):
            return parsed
    return None


def _may_be(digits: str, region: str) -> bool:
    """Spare the parsing, which takes twenty times as long as this look at the plan's pattern."""
    plan = _plan(region)
    if plan is None:
        return True
    return bool(plan.fullmatch(digits) or plan.fullmatch(digits[1:]))


@lru_cache(maxsize=256)
def _plan(region: str) -> re.Pattern[str] | None:
    """Return the pattern of all numbers in ``region``; None where prefixes are rewritten."""
    plan = PhoneMetadata.metadata_for_region(region)
    if plan is None or plan.national_prefix_transform_rule or plan.general_desc is None:
        return None
    pattern = plan.general_desc.national_number_pattern
    return re.compile(pattern) if pattern else None


def _parse(number: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
