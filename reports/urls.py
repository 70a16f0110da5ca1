"""Addresses of the reports, below ``/admin/reports/``."""

from django.urls import path

from reports import model_views, views

app_name = "reports"
urlpatterns = [
    path("", views.index, name="index"),
    path("episodes.csv", views.episodes_csv, name="csv"),
    path("days.csv", views.daily_csv, name="daily_csv"),
    path("models/", model_views.models, name="models"),
    path("models.csv", model_views.models_csv, name="models_csv"),
    path("spend.csv", model_views.spend_csv, name="spend_csv"),
    path("turns.csv", model_views.turns_csv, name="turns_csv"),
]
