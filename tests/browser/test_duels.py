"""Three things that others lose: a colleague's reply, a reloaded answer, a restarted server.

Each is an open report of a peer: Chatwoot 14934, Open WebUI 29596, Chainlit 2201.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, FrameLocator, expect

from tests.browser.conftest import Problems, log_in, product_with_model
from tests.browser.test_story import ask, open_chat
from tests.chaos.proxy import Proxy
from tests.desk.test_browser import QUEUE, ask_for_person, conversation_ready, open_queue
from tests.live.conftest import Upstream
from tests.live.conftest import upstream as upstream  # noqa: PLC0414 - a shared fixture
from tests.live.processes import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.timeout(180)]
SENTENCE = "You can return unused items within 30 days of delivery."


@pytest.fixture
def writing(live_database: str, tmp_path: Path, upstream: Upstream) -> Iterator[Stack]:
    """The product with a model that writes slowly enough to be watched."""
    with product_with_model(live_database, tmp_path, upstream) as stack:
        yield stack


async def test_agent_who_was_offline_sees_what_a_colleague_and_the_customer_said(
    product: Stack, browser: Browser, problems: Problems
) -> None:
    ask_for_person(product, name="Dora Duel")
    colleague = await open_queue(browser, product, problems, name="manager")
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    agent = await context.new_page()
    async with Proxy(int(product.url.rsplit(":", 1)[1])) as network:
        address = f"http://127.0.0.1:{network.port}"
        await log_in(agent, url=address, name="agent")
        await agent.goto(f"{address}{QUEUE}")
        await agent.get_by_role("link", name="Dora Duel").click()
        # A page whose script never came follows nothing.
        await conversation_ready(agent)
        log = agent.get_by_role("log")
        await expect(log).to_contain_text("I want to talk to a person.")

        network.refuse()
        await colleague.get_by_role("link", name="Dora Duel").click()
        await colleague.get_by_role("button", name="Take", exact=True).click()
        for words in ("I look into it.", "It is on its way."):
            await colleague.get_by_label("Reply").fill(words)
            await colleague.get_by_role("button", name="Send").click()
            await expect(colleague.get_by_role("log")).to_contain_text(words, timeout=10_000)
        await expect(log).not_to_contain_text("It is on its way.")

        network.resume()
        # The page asks every 15 s while it has no socket, and waits 10 s for what does not come.
        await expect(log).to_contain_text("It is on its way.", timeout=40_000)
        texts = "".join(await log.all_inner_texts())
        assert re.findall(r"I look into it\.|It is on its way\.", texts) == [
            "I look into it.",
            "It is on its way.",
        ]
        await context.close()
    assert not problems


async def test_answer_goes_on_after_a_reload_and_stands_there_once(
    writing: Stack, upstream: Upstream, browser: Browser
) -> None:
    upstream.behave("slow", text=f"{SENTENCE} " * 6, tokens_per_s=12)
    page = await browser.new_page()
    chat = await open_chat(page, writing.url)
    await ask(chat, "How long do I have to return something?")
    await expect(chat.get_by_role("log")).to_contain_text("unused items", timeout=15_000)

    await page.reload()

    log = page.frame_locator("iframe").get_by_role("log")
    # What was written before is there at once, long before the end.
    await expect(log).to_contain_text("unused items", timeout=3_000)
    said = log.locator(".msg--assistant")
    await expect(said.get_by_role("button", name="Helpful", exact=True)).to_be_visible(
        timeout=20_000
    )
    await expect(said).to_have_count(1)
    assert (await said.inner_text()).count(SENTENCE) == 6
    (request,) = [one for one in upstream.requests() if one["path"] == "/v1/chat/completions"]
    assert not request["errors"]


async def test_conversation_goes_on_after_web_worker_and_relay_were_restarted(
    product: Stack, browser: Browser
) -> None:
    page = await browser.new_page()
    chat = await open_chat(page, product.url)
    log = chat.get_by_role("log")
    await ask(chat, "Which payment methods do you accept?")
    await expect(log).to_contain_text("American Express", timeout=15_000)

    for name in ("web", "worker", "relay"):
        product.kill(name)
    await expect(chat.locator("body")).to_contain_text("Reconnecting", timeout=15_000)
    await ask(chat, "do gift cards ever expire")
    for name in ("web", "worker", "relay"):
        product.start(name)
    product.wait_ready("web")

    await expect(log).to_contain_text("never expire", timeout=60_000)
    assert await _said(chat) == [
        "Which payment methods do you accept?",
        "do gift cards ever expire",
    ]
    await expect(log.locator(".msg--assistant")).to_have_count(2)
    await page.reload()
    await expect(chat.get_by_role("log")).to_contain_text("never expire", timeout=15_000)
    assert len(await _said(chat)) == 2


async def _said(chat: FrameLocator) -> list[str]:
    """Return what the customer said, as the page shows it."""
    return [
        text.strip()
        for text in await chat.get_by_role("log")
        .locator(".msg--customer .msg__body")
        .all_inner_texts()
    ]
