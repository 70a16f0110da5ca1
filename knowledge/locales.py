"""The languages offered in the admin's lists; any other that is stored stays."""

from django.conf.locale import LANG_INFO

COMMON = (
    "en", "ar", "bg", "ca", "cs", "da", "de", "el", "es", "et", "fa", "fi", "fr", "he", "hi",
    "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "nb", "nl", "pl", "pt", "pt-br", "ro", "ru",
    "sk", "sl", "sr", "sv", "th", "tr", "uk", "vi", "zh-hans", "zh-hant",
)  # fmt: skip


def locale_choices(current: str = "") -> list[tuple[str, str]]:
    """Return codes with their names; ``current`` is among them however rare it is."""
    choices = [(code, f"{LANG_INFO[code]['name']} ({code})") for code in COMMON]
    if current and current not in COMMON:
        choices.append((current, current))
    return choices
