"""Where managers write and publish help articles; every save goes through the services."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import F, Q, QuerySet
from django.forms import Media, ModelForm, Script
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from conversations.models import Site
from core.errors import NotFound
from knowledge import source_admin  # noqa: F401 - registers itself
from knowledge.forms import ArticleForm
from knowledge.history import compare_texts
from knowledge.models import Article, ArticleVersion, Audience
from knowledge.previews import preview_passages
from knowledge.services import (
    ArticleContent,
    publish_articles,
    restore_version,
    save_article,
    unpublish_articles,
)

if TYPE_CHECKING:
    ArticleBase = admin.ModelAdmin[Article]
else:
    ArticleBase = admin.ModelAdmin

VERSIONS_PER_PAGE = 30
# What a comparison tells besides the text.
LABELS = {"title": "Title", "locale": "Language", "tags": "Tags", "audience": "Audience"}


class StateFilter(admin.SimpleListFilter):
    """What keeps articles from customers, in the words of the list."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Name the choices."""
        return [("published", "Published"), ("draft", "Draft"), ("internal", "Internal")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Article]) -> QuerySet[Article]:
        """Keep what is so marked; an internal draft is both."""
        chosen = {
            "published": Q(is_published=True, audience=Audience.PUBLIC),
            "draft": Q(is_published=False),
            "internal": Q(audience=Audience.INTERNAL),
        }
        return queryset.filter(chosen.get(self.value() or "", Q()))


@admin.register(Article)
class ArticleAdmin(ArticleBase):
    """Articles with their state; an edit is a new version and is indexed again."""

    form = ArticleForm
    fields = ("site", "title", "slug", "body", "locale", "tags", "audience", "is_published")
    list_display = ("title", "state", "site", "locale", "is_indexed", "updated_at")
    list_filter = (StateFilter, "site", "locale", "updated_at")
    list_select_related = ("site",)
    search_fields = ("title", "slug", "body")
    ordering = ("title",)
    prepopulated_fields = {"slug": ("title",)}
    actions = ("publish", "unpublish")

    @property
    def media(self) -> Media:
        """The editor's own look and scripts; a module is no plain script."""
        own = Media(
            css={"all": ["knowledge/editor.css"]},
            js=[
                # The stubs know addresses only.
                Script("knowledge/editor.js", type="module"),  # type: ignore[list-item]
                Script("knowledge/trial.js", type="module"),  # type: ignore[list-item]
            ],
        )
        return super().media + own

    def get_urls(self) -> list[URLPattern]:
        """Add the preview and the history of the text."""
        one = "<path:object_id>/versions/"
        wrap = self.admin_site.admin_view
        return [
            path("preview/", wrap(self.preview_view), name="knowledge_article_preview"),
            path(one, wrap(self.versions_view), name="knowledge_article_versions"),
            path(
                f"{one}<int:number>/restore/",
                wrap(self.restore_view),
                name="knowledge_article_restore",
            ),
            *super().get_urls(),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Article | None = None) -> list[str]:
        """Keep the address of an article once it has one: answers have cited it."""
        return ["site", "slug"] if obj else []

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Article | None = None
    ) -> dict[str, Any]:
        """Offer a slug for new articles only: later it can't be edited."""
        return {} if obj else {"slug": ("title",)}

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Choose the site and its language where there is only one to choose."""
        sites = list(Site.objects.only("pk", "locale")[:2])
        only = {"site": sites[0].pk, "locale": sites[0].locale} if len(sites) == 1 else {}
        return only | super().get_changeform_initial_data(request)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the passages beside the form: those of the text that the form shows."""
        article = self.get_object(request, unquote(object_id)) if object_id else None
        title, body = (article.title, article.body) if article else ("", "")
        if request.method == "POST":
            title, body = request.POST.get("title", title), request.POST.get("body", body)
        context = {
            # The room beside the form is needed.
            "is_nav_sidebar_enabled": False,
            "passages": preview_passages(body, title=title),
            "may_change": self.has_change_permission(request, article),
        }
        return super().changeform_view(
            request, object_id, form_url, context | (extra_context or {})
        )

    def save_model(
        self, request: HttpRequest, obj: Article, form: "ModelForm[Article]", change: bool
    ) -> None:
        """Save through the services, which number the version and ask for indexing."""
        content = ArticleContent(
            title=obj.title,
            body=obj.body,
            locale=obj.locale,
            tags=tuple(obj.tags),
            audience=obj.audience,
        )
        saved = save_article(
            obj.site, slug=obj.slug, content=content, changed_by=_author(request)
        ).article
        obj.pk, obj.version, obj.indexed_version = saved.pk, saved.version, saved.indexed_version
        (publish_articles if obj.is_published else unpublish_articles)([saved.pk])

    @method_decorator(require_POST)
    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Show what the unsaved text would be split into; nothing is stored."""
        if not (self.has_change_permission(request) or self.has_add_permission(request)):
            raise PermissionDenied
        title = request.POST.get("title", "")
        context = self._page(request, title="Passages of the unsaved text") | {
            "passages": preview_passages(request.POST.get("body", ""), title=title),
        }
        is_fragment = request.headers.get("X-Requested-With") == "fetch"
        name = "_passages" if is_fragment else "preview"
        return TemplateResponse(request, f"admin/knowledge/article/{name}.html", context)

    @method_decorator(require_safe)
    def versions_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """List an article's versions, and what the chosen one changed."""
        article = self._access(request, object_id)
        versions = article.versions.select_related("changed_by").order_by("-number")
        shown = Paginator(versions, VERSIONS_PER_PAGE).get_page(request.GET.get("page"))
        new, old = _chosen(article, request=request)
        context = self._page(request, title=f"History of the text: {article}") | {
            "article": article,
            "versions": shown,
            "new": new,
            "old": old,
            "fields": _changed_fields(old, new) if old and new else [],
            "lines": compare_texts(old.body, new=new.body) if old and new else [],
            "may_change": self.has_change_permission(request, article),
        }
        return TemplateResponse(request, "admin/knowledge/article/versions.html", context)

    @method_decorator(require_POST)
    def restore_view(self, request: HttpRequest, object_id: str, number: int) -> HttpResponse:
        """Make an earlier text the article's newest version."""
        article = self._access(request, object_id)
        if not self.has_change_permission(request, article):
            raise PermissionDenied
        try:
            saved = restore_version(article, number=number, changed_by=_author(request))
        except NotFound:
            raise Http404 from None
        if saved.is_changed:
            self.log_change(request, saved.article, f"Restored the text of version {number}.")
            self.message_user(request, f"Restored the text of version {number}.", messages.SUCCESS)
        else:
            self.message_user(request, f"Version {number} is the text that stands.")
        return redirect("admin:knowledge_article_change", article.pk)

    @admin.display(description="state", ordering="is_published")
    def state(self, article: Article) -> SafeString:
        """What keeps the article from customers, if anything."""
        marks = [] if article.is_published else [("draft", "Draft")]
        if article.audience == Audience.INTERNAL:
            marks.append(("internal", "Internal"))
        return format_html_join(
            " ",
            '<span class="article-mark article-mark--{}">{}</span>',
            marks or [("published", "Published")],
        )

    @admin.display(
        boolean=True, description="indexed", ordering=F("indexed_version") - F("version")
    )
    def is_indexed(self, article: Article) -> bool:
        """Whether answers know the newest text."""
        return article.indexed_version == article.version

    @admin.action(description="Publish the selected articles", permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Article]) -> None:
        """Let answers quote them."""
        count = publish_articles(queryset.values_list("pk", flat=True))
        self.message_user(request, f"{count} articles published.", messages.SUCCESS)

    @admin.action(description="Unpublish the selected articles", permissions=["change"])
    def unpublish(self, request: HttpRequest, queryset: QuerySet[Article]) -> None:
        """Take them out of answers and the help centre."""
        count = unpublish_articles(queryset.values_list("pk", flat=True))
        self.message_user(request, f"{count} articles unpublished.", messages.SUCCESS)

    def _access(self, request: HttpRequest, object_id: str) -> Article:
        article = self.get_object(request, unquote(object_id))
        if not self.has_view_or_change_permission(request, article):
            raise PermissionDenied
        if article is None:
            raise Http404
        return article

    def _page(self, request: HttpRequest, *, title: str) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "media": self.media,
            "is_nav_sidebar_enabled": False,
        }


def _author(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def _chosen(
    article: Article, *, request: HttpRequest
) -> tuple[ArticleVersion | None, ArticleVersion | None]:
    """Return the version asked for and the one before it; or the newest and the one asked for."""
    asked = request.GET.get("version", "")
    number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 9 else None
    rows = article.versions.order_by("-number")
    if number is not None and request.GET.get("with") == "now":
        return rows.first(), rows.filter(number=number).first()
    new = rows.filter(number=number).first() if number is not None else rows.first()
    return new, rows.filter(number__lt=new.number).first() if new else None


def _changed_fields(old: ArticleVersion, new: ArticleVersion) -> list[tuple[str, str, str]]:
    """Return the label, the old and the new value of each field that differs."""
    return [
        (label, _shown(getattr(old, name)), _shown(getattr(new, name)))
        for name, label in LABELS.items()
        if getattr(old, name) != getattr(new, name)
    ]


def _shown(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
