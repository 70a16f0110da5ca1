"""Addresses of the desk beside the pages of other packages, below ``/admin/``."""

from django.contrib import admin
from django.urls import path

from desk import help_api
from desk.article_views import try_article
from desk.prompt_admin import prompt_urls

app_name = "desk"
urlpatterns = [
    *prompt_urls(),
    path(
        "knowledge/article/<int:pk>/try/",
        admin.site.admin_view(try_article),
        name="try_article",
    ),
    path("desk/api/helpers/", help_api.ask_for_help, name="ask_for_help"),
    path("desk/api/helpers/<uuid:public_id>/", help_api.read_help, name="help"),
    path(
        "desk/api/helpers/<uuid:public_id>/article/",
        help_api.keep_help_article,
        name="keep_help_article",
    ),
]
