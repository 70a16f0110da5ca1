"""All addresses of the product."""

from django.contrib import admin
from django.urls import include, path

from supportbot import health, storefront

urlpatterns = [
    path("admin/reports/", include("reports.urls")),
    path("admin/", include("desk.urls")),
    path("admin/", admin.site.urls),
    path("help/", include("knowledge.urls")),
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("metrics", health.metrics),
    path("", include("widget.urls")),
    path("", storefront.index, name="storefront"),
]
