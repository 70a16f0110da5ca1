"""Open WebUI behind its own HTTP API, with what this bench has no use for turned off."""

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator

import aiohttp

from benchmarks.load import Chat
from benchmarks.systems.system import System, make_environment, version_in
from supportbot.embedded.valkey import find_free_port
from tests.live.processes import ROOT

REQUIREMENTS = ("open-webui>=0.12,<0.13",)
# Gigabytes for models that run in the process, of which there are none here; it starts without.
WITHOUT = ("torch",)
ENVIRONMENT = ROOT / "var" / "bench" / "open-webui"
LEAN = {
    # No local model is loaded, nothing is asked of the network, nothing more of the model.
    "OFFLINE_MODE": "true",
    "HF_HUB_OFFLINE": "1",
    "RAG_EMBEDDING_ENGINE": "openai",
    "BYPASS_EMBEDDING_AND_RETRIEVAL": "true",
    "ENABLE_OLLAMA_API": "false",
    "ENABLE_TITLE_GENERATION": "false",
    "ENABLE_TAGS_GENERATION": "false",
    "ENABLE_FOLLOW_UP_GENERATION": "false",
}
EVENT = "data: "
END = "[DONE]"


class OpenWebUI(System):
    """One process in an environment of its own; what comes by its API alone is not stored."""

    name, title = "open-webui", "Open WebUI (its HTTP API: stores nothing)"

    async def start(self) -> None:
        """Install it where it is not, start it and sign its first user up."""
        await asyncio.to_thread(make_environment, ENVIRONMENT, *REQUIREMENTS, without=WITHOUT)
        self._port = find_free_port()
        self.spawn(
            "open-webui",
            *(str(ENVIRONMENT / "bin" / "open-webui"), "serve"),
            *("--host", "127.0.0.1", "--port", str(self._port)),
            environment={
                **LEAN,
                "OPENAI_API_BASE_URL": self.place.model_url,
                "OPENAI_API_KEY": "sk-bench",
                "WEBUI_SECRET_KEY": secrets.token_urlsafe(40),
                "DATA_DIR": str(self.folder),
            },
        )
        await self.until_up(f"{self._url}/health")
        self._token = await self._sign_up()

    def chat(self) -> Chat:
        """Return a client."""
        return _Chat(self._url, self._token, self.place.session)

    def versions(self) -> dict[str, str]:
        """Return its own."""
        return version_in(ENVIRONMENT / "bin" / "python", "open-webui")

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def _sign_up(self) -> str:
        about = {"name": "Bench", "email": "bench@example.org"}
        about["password"] = secrets.token_urlsafe(20)
        async with self.place.session.post(
            f"{self._url}/api/v1/auths/signup", json=about
        ) as answer:
            if answer.status != 200:
                raise RuntimeError(f"nobody can sign up: {await answer.text()}")
            return str((await answer.json())["token"])


class _Chat:
    """Asks one question after the other, each by itself."""

    def __init__(self, url: str, token: str, session: aiohttp.ClientSession) -> None:
        self._url = f"{url}/api/chat/completions"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._session = session

    async def open(self) -> None:
        """Need nothing."""

    async def ready(self) -> None:
        """Need nothing."""

    async def ask(self, question: str) -> AsyncGenerator[str, None]:
        """Say it; yield the pieces of the answer's stream."""
        message = {"role": "user", "content": question}
        body = {"model": "bench", "stream": True, "messages": [message]}
        async with self._session.post(self._url, json=body, headers=self._headers) as response:
            response.raise_for_status()
            async for line in response.content:
                event = line.decode().strip().removeprefix(EVENT)
                if event == END:
                    return
                if event.startswith("{") and (choices := json.loads(event).get("choices")):
                    yield choices[0].get("delta", {}).get("content") or ""
        raise ConnectionResetError("the stream broke off")

    async def close(self) -> None:
        """Need nothing."""
