"""In which countries' ways customers write telephone numbers, by the language they write."""

from functools import lru_cache

from phonenumbers import ndd_prefix_for_region

_BY_LANGUAGE = {
    "en": ("US", "GB", "AU", "IE", "NZ", "ZA", "IN"),
    "de": ("DE", "AT", "CH"),
    "fr": ("FR", "BE", "CH"),
    "es": ("ES", "MX", "AR", "CO", "CL"),
    "it": ("IT", "CH"),
    "nl": ("NL", "BE"),
    "pt": ("PT", "BR"),
    "pl": ("PL",),
    "sv": ("SE",),
    "da": ("DK",),
    "nb": ("NO",),
    "no": ("NO",),
    "fi": ("FI",),
    "cs": ("CZ",),
    "sk": ("SK",),
    "hu": ("HU",),
    "ro": ("RO",),
    "el": ("GR", "CY"),
    "tr": ("TR",),
    "ru": ("RU", "KZ"),
    "uk": ("UA",),
    "bg": ("BG",),
    "hr": ("HR",),
    "sl": ("SI",),
    "ja": ("JP",),
    "ko": ("KR",),
    "zh": ("CN", "TW", "HK"),
    "ar": ("AE", "SA", "EG"),
    "he": ("IL",),
    "hi": ("IN",),
}
# Whatever the language: where most customers of shops in Europe and America call from.
_ALWAYS = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "AT", "CH", "BE")


def home_regions(locale: str) -> tuple[str, ...]:
    """Return the regions of ``locale``: a country it names (``pt-BR``) first, then the others."""
    language, _, country = locale.replace("_", "-").partition("-")
    named = (country.upper(),) if len(country) == 2 else ()
    return tuple(dict.fromkeys(named + _BY_LANGUAGE.get(language.lower(), ())))


@lru_cache(maxsize=128)
def zeroless_regions(locale: str) -> tuple[str, ...]:
    """Return the regions of ``locale`` whose numbers are written without a zero in front."""
    return tuple(one for one in home_regions(locale) if ndd_prefix_for_region(one, True) != "0")


def all_regions(locale: str) -> tuple[str, ...]:
    """Return the regions of ``locale`` and those that are always tried."""
    return tuple(dict.fromkeys(home_regions(locale) + _ALWAYS))
