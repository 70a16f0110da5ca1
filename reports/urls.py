"""Addresses of the reports, below ``/admin/reports/``."""

from django.urls import path

from reports import views

app_name = "reports"
urlpatterns = [
    path("", views.index, name="index"),
    path("episodes.csv", views.episodes_csv, name="csv"),
    path("days.csv", views.daily_csv, name="daily_csv"),
]
