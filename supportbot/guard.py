"""What is refused before Django sees it: too large bodies, and strangers in the demo."""

from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
MAX_BODY_BYTES = 2_097_152


def guard(application: Application, *, loopback_only: bool) -> Application:
    """Wrap the ASGI application; ``loopback_only`` refuses every other client."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if loopback_only and not _is_loopback(scope):
            await _refuse(scope, receive, send, status=403)
        elif scope["type"] == "http" and _announced(scope) > MAX_BODY_BYTES:
            await _refuse(scope, receive, send, status=413)
        elif scope["type"] == "http":
            await application(scope, _counting(receive), send)
        else:
            await application(scope, receive, send)

    return guarded


def _is_loopback(scope: Scope) -> bool:
    client = scope.get("client")
    if scope["type"] == "lifespan" or client is None:
        return True
    try:
        return ip_address(client[0]).is_loopback
    except ValueError:
        return False


def _announced(scope: Scope) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0


def _counting(receive: Receive) -> Receive:
    """Cut a body off that grows past the limit without having announced it.

    Django spools bodies to the disk before any view can refuse them.
    """
    seen = 0

    async def counted() -> dict[str, Any]:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return {"type": "http.disconnect"} if seen > MAX_BODY_BYTES else message

    return counted


async def _refuse(scope: Scope, receive: Receive, send: Send, *, status: int) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4403})
        return
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"refused\n"})
