"""What the admin's forms need besides Django's: lists by lines, colours, room to write."""

from typing import Any

from django import forms
from django.contrib.postgres.forms import SimpleArrayField
from django.forms import Textarea
from django.utils.html import format_html
from django.utils.safestring import SafeString

from assistant.redaction import check_patterns
from conversations.models import Site
from core.errors import BadInput
from knowledge.locales import locale_choices

WIDE = {"class": "desk-wide"}


class LinesField(SimpleArrayField):
    """A list as lines; blank ones don't count."""

    def __init__(self, *args: Any, help_text: str = "", **kwargs: Any) -> None:
        """Take what ``ArrayField.formfield`` passes, and say how entries are parted."""
        kwargs |= {"delimiter": "\n", "help_text": f"{help_text} One a line."}
        kwargs["widget"] = Textarea(attrs={"rows": 5, **WIDE})
        super().__init__(*args, **kwargs)

    def to_python(self, value: Any) -> Any:
        """Return the entries of what a text box sent."""
        if isinstance(value, str):
            lines = (line.strip() for line in value.splitlines())
            value = "\n".join(line for line in lines if line)
        return super().to_python(value)


class ColourInput(forms.TextInput):
    """A colour as text, with the browser's picker beside it; a script keeps the two alike."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Return both boxes; only the text has a name, so only it is sent."""
        return format_html(
            '<span class="desk-colour">'
            '<input type="color" value="{}" data-colour-of="{}" aria-label="Pick a colour">'
            "{}</span>",
            value or "",
            (attrs or {}).get("id", ""),
            super().render(name, value, attrs, renderer),
        )


class SiteForm(forms.ModelForm):  # type: ignore[type-arg] # not generic when it runs
    """Room for what customers read, and a list of languages."""

    locale = forms.ChoiceField(label="Language", choices=locale_choices)
    privacy_url = forms.URLField(
        required=False,
        assume_scheme="https",
        label="Privacy page",
        widget=forms.URLInput(attrs=WIDE),
    )

    class Meta:
        model = Site
        fields = ["name", "greeting", "offline_text", "privacy_url", "accent", "locale"]
        widgets = {
            "name": forms.TextInput(attrs=WIDE),
            "greeting": Textarea(attrs={"rows": 2, **WIDE}),
            "offline_text": Textarea(attrs={"rows": 4, **WIDE}),
            "accent": ColourInput(attrs={"size": 9, "spellcheck": "false"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the site's own language too; whoever may only read gets no fields."""
        super().__init__(*args, **kwargs)
        locale = self.fields.get("locale")
        if isinstance(locale, forms.ChoiceField):
            locale.choices = locale_choices(self.instance.locale)

    def clean_redaction_patterns(self) -> list[str]:
        """Refuse what is no regular expression, and what takes too long."""
        patterns: list[str] = self.cleaned_data["redaction_patterns"]
        try:
            check_patterns(patterns)
        except BadInput as error:
            raise forms.ValidationError(error.detail) from error
        return patterns
