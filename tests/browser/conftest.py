"""The running product and Debian's Chromium: what people see is what is tested."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from supportbot.embedded.valkey import find_free_port
from tests.live.conftest import Upstream
from tests.live.conftest import live_database as live_database  # noqa: PLC0414 - a shared fixture
from tests.live.processes import Stack
from tests.servers import servers

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
TRANSITIONS_ENDED = """() => Promise.allSettled(
    document.getAnimations()
        .filter((one) => one instanceof CSSTransition)
        .map((one) => one.finished)
)"""


@pytest.fixture(scope="module")
def product(live_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole product on loopback."""
    with Stack(
        database_url=live_database,
        redis_url=servers.urls.redis_url,
        folder=tmp_path_factory.mktemp("browser"),
        environment={"REDIS_PREFIX": f"browser{find_free_port()}"},
    ) as stack:
        stack.manage("load_demo")
        yield stack


@contextmanager
def product_with_model(
    database_url: str, folder: Path, upstream: Upstream, **environment: str
) -> Iterator[Stack]:
    """Run the whole product with a model at ``upstream``, apart from what others left in Redis."""
    with Stack(
        database_url=database_url,
        redis_url=servers.urls.redis_url,
        folder=folder,
        environment={
            "REDIS_PREFIX": f"browser{find_free_port()}",
            "OPENAI_API_KEY": "sk-local",
            "OPENAI_BASE_URL": f"{upstream.url}/v1",
            **environment,
        },
    ) as stack:
        yield stack


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A fresh Chromium."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", CHROMIUM),
            chromium_sandbox=os.geteuid() != 0,
            args=FLAGS,
        )
        yield launched
        await launched.close()


class Problems(list[str]):
    """What a page complained about; a strict policy's refusals show here."""

    def watch(self, context: BrowserContext) -> None:
        """Collect errors of all pages of ``context``."""
        context.on("weberror", lambda error: self.append(str(error.error)))
        context.on(
            "console",
            lambda line: self.append(line.text) if line.type == "error" else None,
        )


@pytest.fixture
def problems() -> Problems:
    """The collected complaints of this test's pages."""
    return Problems()


async def log_in(page: Page, *, url: str, name: str) -> None:
    """Log a member of staff in; the demo's password is the name."""
    await page.goto(f"{url}/admin/login/?next=/admin/")
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("Password").fill(name)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url(f"{url}/admin/")


async def axe_violations(page: Page) -> list[str]:
    """Return what axe finds wrong with a page and its frames, one line each."""
    found: list[str] = []
    for frame in page.frames:
        # Colours on their way to others, as after a change of the scheme, are not what is read.
        await frame.evaluate(TRANSITIONS_ENDED)
        # Evaluated, not added as a script tag: the page's policy stays in force.
        await frame.evaluate(AXE.read_text(encoding="utf-8"))
        result = await frame.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',"
            " 'best-practice']})"
        )
        for violation in result["violations"]:
            where = "; ".join(str(node["target"]) for node in violation["nodes"][:3])
            found.append(f"{frame.url}: {violation['id']}: {where}")
    return found
