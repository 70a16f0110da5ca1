"""Alive, ready, and the metrics: for load balancers, people and Prometheus."""

from collections.abc import Callable

import redis
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis.exceptions import RedisError

from core.holding import held
from supportbot.metrics import render_metrics

PROBE_SECONDS = 1.0


async def alive(request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as this process serves at all; asks nobody else."""
    return JsonResponse({"status": "alive"})


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _migrations() -> None:
    if not _is_migrated():
        raise LookupError("migrations are missing")


# Strangers may ask, and each look reads all migrations there are.
@held
def _is_migrated() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _redis() -> None:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=PROBE_SECONDS, socket_timeout=PROBE_SECONDS
    )
    try:
        client.ping()
    finally:
        client.close()


CHECKS: dict[str, Callable[[], None]] = {
    "database": _database,
    "migrations": _migrations,
    "redis": _redis,
}


def _state_of(check: Callable[[], None]) -> str:
    try:
        check()
    except (DatabaseError, RedisError, OSError, LookupError) as error:
        return type(error).__name__
    return "ok"


@sync_to_async(thread_sensitive=False)
def _states() -> dict[str, str]:
    try:
        return {name: _state_of(check) for name, check in CHECKS.items()}
    finally:
        connection.close()


async def ready(request: HttpRequest) -> JsonResponse:
    """Name each dependency with its state; 503 unless the database is there.

    A missing Redis is degraded, not down: messages are still accepted and answered.
    """
    states = await _states()
    serving = states["database"] == states["migrations"] == "ok"
    degraded = serving and states["redis"] != "ok"
    word = "degraded" if degraded else "ready" if serving else "unavailable"
    return JsonResponse({"status": word, "dependencies": states}, status=200 if serving else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """Return Prometheus text to the allowed addresses only."""
    if request.META.get("REMOTE_ADDR") not in settings.METRICS_ALLOWED_ADDRESSES:
        return HttpResponse("forbidden\n", status=403, content_type="text/plain")
    return HttpResponse(render_metrics(), content_type="text/plain; version=0.0.4; charset=utf-8")
