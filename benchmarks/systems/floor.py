"""The floor: a raw client on the model's stream, with nothing between."""

from collections.abc import AsyncGenerator

from benchmarks.load import Chat
from benchmarks.systems.system import Place, System

MARK = b'"content": "'


class Floor(System):
    """Has no processes of its own."""

    name, title = "floor", "raw client on the upstream (floor)"

    async def start(self) -> None:
        """Need nothing."""

    def chat(self) -> Chat:
        """Return a client."""
        return _RawChat(self.place)


class _RawChat:
    def __init__(self, place: Place) -> None:
        self._place = place

    async def open(self) -> None:
        """Need nothing."""

    async def ready(self) -> None:
        """Need nothing."""

    async def ask(self, question: str) -> AsyncGenerator[str, None]:
        url = f"{self._place.model_url}/chat/completions"
        message = {"role": "user", "content": question}
        body = {"model": "bench", "stream": True, "messages": [message]}
        async with self._place.session.post(url, json=body) as response:
            async for line in response.content:
                found = line.find(MARK)
                if found > 0:
                    yield line[found + len(MARK) : line.find(b'"', found + len(MARK))].decode()

    async def close(self) -> None:
        """Need nothing."""
