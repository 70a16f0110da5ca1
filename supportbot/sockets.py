"""What happens to a websocket that leads nowhere."""

from typing import Any


async def refuse(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Refuse the handshake of an unknown path instead of failing with a trace."""
    await receive()
    await send({"type": "websocket.close", "code": 4404})
