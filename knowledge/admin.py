"""Where managers write and publish help articles; every save goes through the services."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest

from knowledge.models import Article, Passage
from knowledge.services import (
    MAX_BODY_CHARACTERS,
    ArticleContent,
    publish_articles,
    save_article,
    unpublish_articles,
)


class ArticleForm(forms.ModelForm):  # type: ignore[type-arg] # not generic when it runs
    """Bounds what the model leaves open."""

    body = forms.CharField(
        max_length=MAX_BODY_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 30, "cols": 100}),
        help_text="Markdown. Headings part the text into passages.",
    )


class PassageInline(admin.TabularInline):  # type: ignore[type-arg] # likewise
    """Shows what the article was split into: what answers can quote."""

    model = Passage
    fields = readonly_fields = ("heading", "text", "length")
    ordering = ("position",)
    extra = 0
    can_delete = False
    verbose_name_plural = "passages as they are indexed now"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Passages come from the text alone."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Passages come from the text alone."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may read the article may see its parts."""
        return request.user.has_perm("knowledge.view_article") or request.user.has_perm(
            "knowledge.change_article"
        )


@admin.register(Article)
class ArticleAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # likewise
    """Articles with their state; an edit is a new version and is indexed again."""

    form = ArticleForm
    fields = ("site", "slug", "title", "body", "locale", "tags", "is_published")
    list_display = ("title", "site", "locale", "is_published", "is_indexed", "updated_at")
    list_filter = ("site", "is_published", "locale", "updated_at")
    list_select_related = ("site",)
    search_fields = ("title", "slug", "body")
    ordering = ("title",)
    prepopulated_fields = {"slug": ("title",)}
    inlines = (PassageInline,)
    actions = ("publish", "unpublish")

    def get_readonly_fields(self, request: HttpRequest, obj: Article | None = None) -> list[str]:
        """Keep the address of an article once it has one: answers have cited it."""
        return ["site", "slug"] if obj else []

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Article | None = None
    ) -> dict[str, Any]:
        """Offer a slug for new articles only: later it can't be edited."""
        return {} if obj else {"slug": ("title",)}

    def save_model(
        self, request: HttpRequest, obj: Article, form: "forms.ModelForm[Article]", change: bool
    ) -> None:
        """Save through the services, which number the version and ask for indexing."""
        content = ArticleContent(
            title=obj.title, body=obj.body, locale=obj.locale, tags=tuple(obj.tags)
        )
        saved = save_article(obj.site, slug=obj.slug, content=content).article
        obj.pk, obj.version, obj.indexed_version = saved.pk, saved.version, saved.indexed_version
        (publish_articles if obj.is_published else unpublish_articles)([saved.pk])

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
