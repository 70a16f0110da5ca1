"""Languages as prompts name them."""

from django.utils.translation import get_language_info


def language_name(code: str) -> str:
    """Return a language's English name; a code that Django does not know stays as it is."""
    try:
        info: dict[str, str] = get_language_info(code.lower())
    except KeyError:
        return code
    return str(info["name"])
