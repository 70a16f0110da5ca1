"""The demo shop's orders: the sample file, and beside it what customers have changed of them."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

Order = dict[str, Any]
SAMPLES = settings.BASE_DIR / "knowledge" / "demo" / "orders.json"
# Nothing has left the warehouse yet.
CHANGEABLE = {"Received", "Preordered"}


def find_order(number: str, *, email: str) -> Order | None:
    """Return an order of the customer with that address, as it stands now."""
    order = _samples().get(number)
    if order is None or order["email"] != email:
        return None
    return order | _read().get(number, {})


def change_order(number: str, changes: Order, *, key: str) -> bool:
    """Keep what has changed of an order; false where it was changed under the same key before."""
    with _locked():
        stored = _read()
        earlier = stored.get(number, {})
        keys = earlier.get("keys", [])
        if key in keys:
            return False
        stored[number] = {**earlier, **changes, "keys": [*keys, key]}
        _write(stored)
    return True


@lru_cache(maxsize=1)
def _samples() -> dict[str, Order]:
    return {order["number"]: order for order in json.loads(SAMPLES.read_text(encoding="utf-8"))}


def _path() -> Path:
    return Path(settings.DATA_DIR) / "demo-orders.json"


@contextmanager
def _locked() -> Iterator[None]:
    """Let one process at a time change the file: workers are several."""
    _path().parent.mkdir(parents=True, exist_ok=True)
    with _path().with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read() -> dict[str, Order]:
    try:
        stored: dict[str, Order] = json.loads(_path().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return stored


def _write(stored: dict[str, Order]) -> None:
    """Replace the file whole: who reads meanwhile sees the old one or the new one."""
    fresh = _path().with_suffix(".new")
    fresh.write_text(json.dumps(stored, indent=1), encoding="utf-8")
    fresh.replace(_path())
