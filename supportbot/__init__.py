"""Settings, environment, embedded services, ASGI, Celery, URLs and health."""

from supportbot.celery import app as celery_app

__all__ = ["celery_app"]
