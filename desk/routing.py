"""The desk's websocket, mounted at ``/ws/desk/`` behind the session and an origin check."""

from django.urls import path

from desk.consumers import DeskConsumer

websocket_urlpatterns = [path("", DeskConsumer.as_asgi())]
