"""Addresses of the help centre, below ``/help/``."""

from django.urls import path

from knowledge import views

app_name = "knowledge"
urlpatterns = [
    path("<slug:site_key>/", views.index, name="index"),
    path("<slug:site_key>/<slug:slug>/", views.article, name="article"),
]
