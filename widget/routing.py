"""The customer's websocket address."""

from django.urls import path

from widget.consumers import ChatConsumer

websocket_urlpatterns = [path("ws/chat/", ChatConsumer.as_asgi())]
