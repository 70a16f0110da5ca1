"""What managers set, held for a moment: each turn asks it, and it changes a few times a day."""

import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.conf import settings

P = ParamSpec("P")
T = TypeVar("T")
MOST = 10_000


def held(function: Callable[P, T]) -> Callable[P, T]:
    """Let a process follow a change of what ``function`` reads ``SETTINGS_HELD_SECONDS`` late.

    Its arguments must be hashable; nobody may change what it returns.
    """
    kept: dict[object, tuple[float, T]] = {}

    @wraps(function)
    def look(*args: P.args, **kwargs: P.kwargs) -> T:
        key = (args, *sorted(kwargs.items()))
        until, value = kept.get(key, (0.0, None))
        now = time.monotonic()
        if now < until:
            return value  # type: ignore[return-value] # as it was put in
        if len(kept) >= MOST:
            kept.clear()
        value = function(*args, **kwargs)
        kept[key] = (now + settings.SETTINGS_HELD_SECONDS, value)
        return value

    return look
