"""An agent's page of one conversation: its socket tells of news, which are fetched as HTML."""

import asyncio
import json
import re
from typing import Self

import aiohttp

from benchmarks.systems.product import Product

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
SHOWN_SECONDS = 10.0


class AgentPage:
    """Logs in as the demo's agent; use it as an asynchronous context manager."""

    def __init__(self, system: Product) -> None:
        self._url = system.stack.url
        # Loopback is no name: cookies of addresses must be asked for.
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self._socket: aiohttp.ClientWebSocketResponse
        self._conversation = ""

    async def __aenter__(self) -> Self:
        address = f"{self._url}/admin/login/"
        async with self._session.get(address) as page:
            token = TOKEN.search(await page.text())
        fields = {"username": "agent", "password": "agent", "next": "/admin/"}
        fields["csrfmiddlewaretoken"] = token[1] if token else ""
        async with self._session.post(address, data=fields, headers={"Referer": address}) as answer:
            answer.raise_for_status()
        self._socket = await self._session.ws_connect(
            self._url.replace("http", "ws", 1) + "/ws/desk/", headers={"Origin": self._url}
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def watch(self, conversation: str) -> None:
        """Open a conversation's page."""
        self._conversation = conversation
        await self._socket.send_json({"type": "watch", "conversation": conversation})
        await self._next_seq()

    async def until_shown(self, text: str) -> None:
        """Fetch what is new at each hint, until the text is there."""
        async with asyncio.timeout(SHOWN_SECONDS):
            while text not in await self._fetch(after=await self._next_seq() - 1):
                pass

    async def _next_seq(self) -> int:
        """Return how far the conversation has come by the next hint."""
        async for message in self._socket:
            frame = json.loads(message.data)
            if frame["type"] == "conversation" and frame["conversation"] == self._conversation:
                return int(frame["seq"])
        raise ConnectionResetError("the agent's socket was closed")

    async def _fetch(self, *, after: int) -> str:
        path = f"/admin/escalation/handoff/conversation/{self._conversation}/fragment/"
        params = {"after": str(after), "whole": "1"}
        async with self._session.get(self._url + path, params=params) as answer:
            answer.raise_for_status()
            return await answer.text()
