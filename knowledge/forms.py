"""The form that articles are written in."""

from typing import Any

from django import forms
from django.contrib.postgres.forms import SimpleArrayField

from knowledge.locales import locale_choices
from knowledge.models import Article, Audience
from knowledge.services import MAX_BODY_CHARACTERS

STATES = [
    ("True", "Published: shown and quoted to whoever it is for"),
    ("False", "Draft: seen here only"),
]
AUDIENCES = [
    (Audience.PUBLIC.value, "Customers: the help centre and the assistant show it"),
    (Audience.INTERNAL.value, "Internal: never shown or quoted to a customer"),
]


class TagsField(SimpleArrayField):
    """A list with commas; a comma too many is no entry."""

    def to_python(self, value: Any) -> Any:
        """Return the entries of what a text box sent."""
        if isinstance(value, str):
            value = ",".join(tag.strip() for tag in value.split(",") if tag.strip())
        return super().to_python(value)

    def prepare_value(self, value: Any) -> Any:
        """Put a space after each comma: the list is read by people."""
        return ", ".join(value) if isinstance(value, list) else value


class ArticleForm(forms.ModelForm):  # type: ignore[type-arg] # not generic when it runs
    """Bounds what the model leaves open, and says what each choice does."""

    title = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"class": "article-wide"}))
    body = forms.CharField(
        max_length=MAX_BODY_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 28, "class": "article-body", "spellcheck": "true"}),
        help_text="Markdown. Headings part the text into passages.",
    )
    locale = forms.ChoiceField(label="Language", choices=locale_choices)
    tags = TagsField(
        forms.CharField(max_length=50),
        required=False,
        widget=forms.TextInput(attrs={"class": "article-wide"}),
        help_text="Parted by commas. They count like words of the title in the search.",
    )
    audience = forms.ChoiceField(
        choices=AUDIENCES, initial=Audience.PUBLIC, widget=forms.RadioSelect
    )
    is_published = forms.TypedChoiceField(
        label="State",
        choices=STATES,
        coerce=lambda value: value == "True",
        initial="True",
        widget=forms.RadioSelect,
    )

    class Meta:
        model = Article
        fields = ["site", "slug", "title", "body", "locale", "tags", "audience", "is_published"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the article's own language too; whoever may only read gets no fields."""
        super().__init__(*args, **kwargs)
        if "is_published" in self.initial:
            # As its choices are written: it would count as changed each time.
            self.initial["is_published"] = str(self.initial["is_published"])
        locale = self.fields.get("locale")
        if isinstance(locale, forms.ChoiceField):
            locale.choices = locale_choices(self.instance.locale)
