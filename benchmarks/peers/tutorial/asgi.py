"""The web server's side."""

import uuid

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

django.setup()

from benchmarks.peers.tutorial.tasks import answer  # noqa: E402 - after the settings


class ChatConsumer(AsyncWebsocketConsumer):
    """One socket, one group."""

    async def connect(self) -> None:
        """Join a group of its own."""
        self.group = f"chat_{uuid.uuid4().hex}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        """Leave it."""
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Have the worker answer."""
        answer.delay(self.group, text_data or "")

    async def token(self, event: dict[str, str]) -> None:
        """Pass a token on."""
        await self.send(text_data=event["text"])


application = ProtocolTypeRouter(
    {"http": get_asgi_application(), "websocket": URLRouter([path("chat", ChatConsumer.as_asgi())])}
)
