"""The relay that one writes in an afternoon: a socket, the SDK, nothing stored."""

from collections.abc import AsyncIterator

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from openai import AsyncOpenAI

app = FastAPI()
client = AsyncOpenAI()
END = "\x04"


async def answer(question: str) -> AsyncIterator[str]:
    """Yield the model's tokens."""
    stream = await client.chat.completions.create(
        model="bench", messages=[{"role": "user", "content": question}], stream=True
    )
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            yield chunk.choices[0].delta.content


@app.websocket("/chat")
async def chat(socket: WebSocket) -> None:
    """Answer each message, a frame a token."""
    await socket.accept()
    try:
        while True:
            async for token in answer(await socket.receive_text()):
                await socket.send_text(token)
            await socket.send_text(END)
    except WebSocketDisconnect:
        return
