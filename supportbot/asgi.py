"""The ASGI application: HTTP by Django, sockets by Channels."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import OriginValidator
from django.core.asgi import get_asgi_application
from django.urls import path, re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supportbot.settings")
django_application = get_asgi_application()

# Consumers import models, which exist only after the line above.
from django.conf import settings  # noqa: E402

from core.garbage import spare_what_is_loaded  # noqa: E402
from desk.routing import websocket_urlpatterns as desk_patterns  # noqa: E402
from llm.embedding import serve_without_network  # noqa: E402
from supportbot.guard import guard  # noqa: E402
from supportbot.sockets import refuse  # noqa: E402
from widget.routing import websocket_urlpatterns as widget_patterns  # noqa: E402

serve_without_network()

# The desk's socket trusts the session cookie, so only our own pages may open it.
own_pages_only = OriginValidator(
    AuthMiddlewareStack(URLRouter(desk_patterns)), [settings.PUBLIC_URL]
)

application = guard(
    ProtocolTypeRouter(
        {
            "http": django_application,
            "websocket": URLRouter(
                [*widget_patterns, path("ws/desk/", own_pages_only), re_path("", refuse)]  # type: ignore[arg-type]
            ),
        }
    ),
    loopback_only=settings.DEMO,
)

spare_what_is_loaded()
