"""Where managers add websites and upload files, and watch what becomes of them."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.forms import Media, ModelForm, Script
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.html import format_html_join
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from core.errors import Conflict
from knowledge.imports import OPEN, request_import, set_recrawl
from knowledge.models import ImportRun, Source
from knowledge.source_forms import (
    SourceForm,
    UploadAgainForm,
    UploadForm,
    WebsiteForm,
    pack_files,
)
from knowledge.sourcing import edited_by_hand

if TYPE_CHECKING:
    SourceBase = admin.ModelAdmin[Source]
    ImportRunBase = admin.ModelAdmin[ImportRun]
else:
    SourceBase = ImportRunBase = admin.ModelAdmin

RUNS_SHOWN = 10
ADD_FORMS = {Source.Kind.WEBSITE: WebsiteForm, Source.Kind.UPLOAD: UploadForm}
STARTED = "The import has been started; its progress is shown below."


@admin.register(Source)
class SourceAdmin(SourceBase):
    """Sources with their imports; folders come from the command on the server alone."""

    list_display = ("location", "kind", "site", "audience", "article_count", "next_crawl_at")
    list_filter = ("site", "kind", "audience")
    list_select_related = ("site",)
    search_fields = ("location",)
    ordering = ("location",)
    actions = None

    @property
    def media(self) -> Media:
        """The editor's look, and the script that follows an import."""
        own = Media(
            css={"all": ["knowledge/editor.css", "knowledge/imports.css"]},
            # The stubs know addresses only.
            js=[Script("knowledge/imports.js", type="module")],  # type: ignore[list-item]
        )
        return super().media + own

    def get_urls(self) -> list[URLPattern]:
        """Add the button's address and that of the running numbers."""
        wrap = self.admin_site.admin_view
        one = "<int:pk>/"
        return [
            path(f"{one}import/", wrap(self.import_view), name="knowledge_source_import"),
            path(f"{one}runs/", wrap(self.runs_view), name="knowledge_source_runs"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        """Count the articles with the sources."""
        return super().get_queryset(request).annotate(article_total=Count("articles"))

    @admin.display(description="Articles", ordering="article_total")
    def article_count(self, source: Source) -> int:
        """How many articles come from here, published or not."""
        return int(getattr(source, "article_total", 0))

    def get_form(
        self, request: HttpRequest, obj: Source | None = None, change: bool = False, **kwargs: Any
    ) -> type["ModelForm[Source]"]:
        """Ask for an address or for files; a place is not changed afterwards."""
        if obj is None:
            kwargs["form"] = ADD_FORMS[_kind_asked(request)]
        else:
            kwargs["form"] = UploadAgainForm if obj.kind == Source.Kind.UPLOAD else SourceForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Source | None = None) -> list[Any]:
        """Name what the kind of source has."""
        kind = obj.kind if obj else _kind_asked(request)
        ends = {Source.Kind.WEBSITE: ["recrawl_hours"], Source.Kind.UPLOAD: ["uploads"]}
        may = obj is None or self.has_change_permission(request, obj)
        own = [name for name in ends.get(Source.Kind(kind), []) if may or name != "uploads"]
        return ["site", *(["kind"] if obj else []), "location", "locale", "audience", *own]

    def get_readonly_fields(self, request: HttpRequest, obj: Source | None = None) -> list[str]:
        """Keep where the articles come from."""
        return ["site", "kind", "location"] if obj else []

    def save_model(
        self, request: HttpRequest, obj: Source, form: "ModelForm[Source]", change: bool
    ) -> None:
        """Save, plan the next reading, and begin the first."""
        super().save_model(request, obj, form, change)
        if "recrawl_hours" in form.changed_data:
            set_recrawl(obj, hours=obj.recrawl_hours)
        files = form.cleaned_data.get("uploads")
        if files:
            upload, name = pack_files(files)
            self._start(request, obj, upload=upload, upload_name=name)
        elif not change:
            self._start(request, obj)

    def response_add(
        self, request: HttpRequest, obj: Source, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Stay with the new source: its import is under way."""
        return redirect("admin:knowledge_source_change", obj.pk)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the imports below the form."""
        source = self.get_object(request, object_id)
        context = _runs_context(source) if source else {}
        if source:
            context["may_import"] = self.has_change_permission(request, source)
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    @method_decorator(require_POST)
    def import_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Read a website again now."""
        source = Source.objects.filter(pk=pk, kind=Source.Kind.WEBSITE).first()
        if source is None:
            raise Http404
        if not self.has_change_permission(request, source):
            raise PermissionDenied
        self._start(request, source)
        return redirect("admin:knowledge_source_change", pk)

    @method_decorator(require_safe)
    def runs_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the imports alone, for the page that follows them."""
        source = Source.objects.filter(pk=pk).first()
        if source is None:
            raise Http404
        if not self.has_view_permission(request, source):
            raise PermissionDenied
        template = "admin/knowledge/source/_runs.html"
        return TemplateResponse(request, template, _runs_context(source))

    def has_delete_permission(self, request: HttpRequest, obj: Source | None = None) -> bool:
        """Articles name where they came from."""
        return False

    def _start(self, request: HttpRequest, source: Source, **upload: Any) -> None:
        user = request.user if isinstance(request.user, User) else None
        try:
            request_import(source, requested_by=user, **upload)
        except Conflict as error:
            self.message_user(request, error.detail, messages.ERROR)
        else:
            self.message_user(request, STARTED, messages.SUCCESS)


@admin.register(ImportRun)
class ImportRunAdmin(ImportRunBase):
    """All imports, to see what was done when; nothing of them is changed here."""

    list_display = (
        "source", "state", "created", "changed", "unchanged", "unpublished", "error_count",
        "requested_by", "created_at",
    )  # fmt: skip
    list_filter = ("state", "source__site", "created_at")
    list_select_related = ("source", "requested_by")
    ordering = ("-created_at",)
    fields = (
        "source", "state", "upload_name", "total", "done", "created", "changed", "unchanged",
        "unpublished", "reasons", "requested_by", "created_at", "finished_at",
    )  # fmt: skip
    readonly_fields = ("reasons",)
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportRun]:
        """Leave the uploaded bytes where they are."""
        return super().get_queryset(request).defer("upload")

    @admin.display(description="Errors")
    def error_count(self, run: ImportRun) -> int:
        """How many items have one."""
        return len(run.errors)

    @admin.display(description="Errors")
    def reasons(self, run: ImportRun) -> str:
        """Each item with its reason."""
        return format_html_join("", "<p><strong>{}</strong> {}</p>", run.errors.items()) or "-"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Imports begin at their source."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ImportRun | None = None) -> bool:
        """They are the record of what was done."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ImportRun | None = None) -> bool:
        """Likewise."""
        return False


def _kind_asked(request: HttpRequest) -> Source.Kind:
    """Return the kind that the address names; folders are not made here."""
    is_upload = request.GET.get("kind") == Source.Kind.UPLOAD
    return Source.Kind.UPLOAD if is_upload else Source.Kind.WEBSITE


def _runs_context(source: Source) -> dict[str, Any]:
    runs = source.runs.defer("upload").select_related("requested_by").order_by("-created_at")
    shown = list(runs[:RUNS_SHOWN])
    return {
        "source": source,
        "runs": shown,
        "is_open": any(run.state in OPEN for run in shown),
        "edited": edited_by_hand(source),
    }
