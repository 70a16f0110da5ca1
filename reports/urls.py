"""Addresses of the reports, below ``/admin/reports/``."""

from django.urls import path

from reports import views

app_name = "reports"
urlpatterns = [
    path("", views.index, name="index"),
]
