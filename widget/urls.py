"""The widget's HTTP addresses."""

from django.urls import path

from widget import api, views

app_name = "widget"

urlpatterns = [
    path("widget.js", views.embed_script, name="embed"),
    path("widget/look/<slug:key>", views.look, name="look"),
    path("widget/frame/", views.frame, name="frame"),
    path("api/v1/sessions", api.sessions, name="sessions"),
    path("api/v1/conversations/<uuid:public_id>/messages", api.messages, name="messages"),
    path("api/v1/conversations/<uuid:public_id>/rating", api.rating, name="rating"),
    path("api/v1/conversations/<uuid:public_id>/confirm", api.confirm, name="confirm"),
    path("api/v1/openapi.json", api.openapi, name="openapi"),
]
