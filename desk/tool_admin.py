"""Tools that call the company's own servers, and every call of any tool."""

import json
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest

from assistant.models import HttpTool, ToolCall
from assistant.tools.http_definitions import find_errors
from desk.forms import WIDE
from desk.hidden_fields import HiddenFields

if TYPE_CHECKING:
    HttpToolBase = admin.ModelAdmin[HttpTool]
    ToolCallBase = admin.ModelAdmin[ToolCall]
else:
    HttpToolBase = ToolCallBase = admin.ModelAdmin

NAME_RULE = "Use a-z, 0-9 and _, and begin with a letter: the model calls it so."
NO_ARGUMENTS = {"type": "object", "properties": {}, "required": []}


class JsonBox(forms.JSONField):
    """JSON as people write it: over several lines."""

    def __init__(self, **options: Any) -> None:
        """Take a form field's options."""
        super().__init__(widget=forms.Textarea(attrs={"rows": 10, **WIDE}), **options)

    def to_python(self, value: Any) -> Any:
        """Return the value in the box; one that no database takes is none."""
        try:
            found = super().to_python(value)
            is_storable = "\\u0000" not in json.dumps(found, allow_nan=False)
        except (ValueError, RecursionError):
            is_storable = False
        if not is_storable:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return found

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what was sent, as typed where it can't be read."""
        try:
            return super().bound_data(data, initial)
        except (ValueError, RecursionError):
            return InvalidJSONInput(data)

    def prepare_value(self, value: Any) -> Any:
        """Return what stands in the box; what was not understood comes back as it was typed."""
        if isinstance(value, str):
            return super().prepare_value(value)
        return json.dumps(value, indent=2, ensure_ascii=False)


class HttpToolForm(forms.ModelForm):  # type: ignore[type-arg] # not generic when it runs
    """Says at the field what can't work, before a customer meets it."""

    headers = JsonBox(
        required=False,
        initial=dict,
        help_text='As {"Authorization": "secret:SHOP_TOKEN"}: the server reads '
        "TOOL_SECRET_SHOP_TOKEN. Its value is never shown.",
    )
    parameters = JsonBox(
        initial=NO_ARGUMENTS,
        label="Arguments",
        help_text="JSON schema of an object: string, integer, number, boolean, array; enum, "
        "pattern, minLength, maxLength, minimum, maximum.",
    )

    class Meta:
        model = HttpTool
        fields = [
            "site", "name", "description", "is_active", "method", "url_template", "headers",
            "parameters", "effect", "audience", "card_title", "card_text", "rate_a_minute",
            "timeout_seconds",
        ]  # fmt: skip
        labels = {
            "url_template": "Address",
            "rate_a_minute": "Calls a minute",
            "timeout_seconds": "Time-out in seconds",
        }
        error_messages = {"name": {"invalid": NAME_RULE}}
        widgets = {
            "description": forms.Textarea(attrs={"rows": 3, **WIDE}),
            "url_template": forms.TextInput(attrs=WIDE),
            "card_title": forms.TextInput(attrs=WIDE),
            "card_text": forms.Textarea(attrs={"rows": 4, **WIDE}),
        }

    def clean_headers(self) -> dict[str, str]:
        """An empty box is no headers."""
        return self.cleaned_data.get("headers") or {}

    def clean(self) -> dict[str, Any]:
        """Check the tool as a whole; a field that is wrong in itself keeps its own error."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for field, error in find_errors(HttpTool(**cleaned)).items():
            if field not in self.errors:
                self.add_error(field, error)
        return cleaned


class HttpToolAdmin(HttpToolBase):
    """Calls of the company's own servers, configured without code."""

    form = HttpToolForm
    list_display = ["name", "site", "effect", "audience", "method", "is_active"]
    list_filter = ["site", "effect", "is_active"]
    search_fields = ["name", "description"]
    fieldsets = [
        (None, {"fields": ["site", "name", "description", "is_active"]}),
        (
            "What is called",
            {
                "fields": ["method", "url_template", "headers", "parameters"],
                "description": "Save it inactive and try it first: manage.py try_tool SITE NAME "
                '\'{"number": "1"}\' shows the request and the answer.',
            },
        ),
        ("For whom", {"fields": ["audience", "rate_a_minute", "timeout_seconds"]}),
        (
            "If it changes something",
            {
                "fields": ["effect", "card_title", "card_text"],
                "description": "The customer sees a card with this title and these lines, and "
                "nothing happens before they confirm it. {argument} is filled in. The card's "
                "other button says Cancel: a title with another verb is clearer.",
            },
        ),
    ]


class ToolCallAdmin(HiddenFields, ToolCallBase):
    """What was asked of tools and what came of it; rows of the record, never edited."""

    hidden_fields = frozenset({"sealed_arguments"})
    list_display = ["created_at", "tool", "effect", "state", "duration_ms", "conversation"]
    list_filter = ["state", "effect", "tool"]
    list_select_related = ["conversation__customer"]
    date_hierarchy = "created_at"
    fields = [
        "public_id", "conversation", "tool", "effect", "state", "error_code", "arguments",
        "result", "card", "duration_ms", "created_at", "expires_at", "decided_at", "started_at",
        "finished_at",
    ]  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Calls are made by turns."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ToolCall | None = None) -> bool:
        """The record stays as it is."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ToolCall | None = None) -> bool:
        """The record stays."""
        return False
