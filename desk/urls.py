"""Addresses of the desk beside the pages of other packages, below ``/admin/``."""

from django.contrib import admin
from django.urls import path

from desk.article_views import try_article

app_name = "desk"
urlpatterns = [
    path(
        "knowledge/article/<int:pk>/try/",
        admin.site.admin_view(try_article),
        name="try_article",
    ),
]
