"""What managers edit of policy: which messages go to people, and what no answer may promise."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextareaWidget
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db.models import Field
from django.http import HttpRequest

from assistant.models import OutputRule
from desk.forms import LinesField
from escalation.models import FlagRule
from escalation.phrases import has_word

if TYPE_CHECKING:
    FlagRuleBase = admin.ModelAdmin[FlagRule]
    OutputRuleBase = admin.ModelAdmin[OutputRule]
else:
    FlagRuleBase = OutputRuleBase = admin.ModelAdmin


class PhrasesField(LinesField):
    """Phrases, one a line, each with a word in it: ``*`` alone would mean every text."""

    def validate(self, value: Sequence[Any]) -> None:
        """Name the first phrase that says nothing."""
        super().validate(value)
        for phrase in value:
            if not has_word(phrase):
                message = f'"{phrase}" has no word in it. Write at least two letters or digits.'
                raise ValidationError(message, code="no_word")


PHRASES: dict[type, dict[str, Any]] = {ArrayField: {"form_class": PhrasesField}}


class FlagRuleAdmin(FlagRuleBase):
    """The rules that send a message to people at once."""

    formfield_overrides = PHRASES
    list_display = ["name", "kind", "site", "is_active"]
    list_filter = ["kind", "is_active", "site"]
    search_fields = ["name"]

    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        """Give what a customer reads the room to be read here."""
        if db_field.name == "customer_text":
            kwargs["widget"] = AdminTextareaWidget(attrs={"rows": 6})
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class OutputRuleAdmin(OutputRuleBase):
    """What only a person may promise: of an answer that does, people get the conversation."""

    formfield_overrides = PHRASES
    fieldsets = [
        (
            None,
            {
                "description": (
                    "A sentence that promises something with one of the phrases in it is not "
                    "shown, and the conversation goes to people, unless an article promises the "
                    "same. The engine that only quotes articles is not held to this."
                ),
                "fields": ["name", "kind", "phrases", "site", "is_active"],
            },
        )
    ]
    list_display = ["name", "kind", "site", "is_active"]
    list_filter = ["kind", "is_active", "site"]
    search_fields = ["name"]
