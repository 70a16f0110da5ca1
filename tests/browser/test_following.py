"""What comes after an answer taller than the chat is seen, and nobody who reads is moved."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from playwright.async_api import Browser, FrameLocator, Page, expect

from tests.browser.conftest import Problems, product_with_model
from tests.browser.test_story import ask, open_chat
from tests.desk.test_browser import open_queue
from tests.live.conftest import Upstream
from tests.live.conftest import upstream as upstream  # noqa: PLC0414 - a shared fixture
from tests.live.processes import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.timeout(180)]
QUESTION = "How long do I have to return something?"
SENTENCE = "You can return unused items within 30 days of delivery."


@pytest.fixture
def writing(live_database: str, tmp_path: Path, upstream: Upstream) -> Iterator[Stack]:
    """The product with a model whose answer is taller than the chat, and nobody at the desk."""
    with psycopg.connect(live_database, autocommit=True) as connection:
        connection.execute("UPDATE assistant_cachedanswer SET is_disabled = true")
        connection.execute("UPDATE escalation_agentprofile SET last_seen_at = NULL")
    upstream.behave("stream", text=f"{SENTENCE}\n\n" * 20)
    with product_with_model(live_database, tmp_path, upstream) as stack:
        yield stack


async def ask_for_tall_answer(page: Page, stack: Stack) -> FrameLocator:
    """Return the chat when the answer stands there, from its beginning on."""
    chat = await open_chat(page, stack.url)
    await ask(chat, QUESTION)
    said = chat.locator(".msg--assistant[data-seq]")
    await expect(said.get_by_role("button", name="Helpful", exact=True)).to_be_attached(
        timeout=15_000
    )
    await expect(said.locator(".msg__author")).to_be_in_viewport()
    await expect(said.locator(".msg__tools")).not_to_be_in_viewport()
    return chat


async def wish_for_person(chat: FrameLocator) -> None:
    """Press for a person, and see what comes of it."""
    await chat.get_by_role("button", name="Talk to a person").click()
    said = chat.get_by_role("log").get_by_text("passing you to a person")
    await expect(said).to_be_in_viewport(timeout=10_000)


async def take(agent: Page, *, customer: str = "Visitor") -> None:
    """Take the customer of that name who came last."""
    # Other tests leave customers waiting.
    row = agent.locator("[data-fragment=waiting]").get_by_role("row")
    await row.filter(has_text=customer).last.get_by_role("link").first.click(timeout=10_000)
    await agent.get_by_role("button", name="Take", exact=True).click()


async def reply(agent: Page, text: str) -> None:
    """Reply as an agent."""
    await agent.get_by_role("textbox", name="Reply").fill(text)
    await agent.get_by_role("button", name="Send", exact=True).click()


async def test_all_that_comes_after_a_tall_answer_is_in_sight(
    writing: Stack, browser: Browser, problems: Problems
) -> None:
    agent = await open_queue(browser, writing, problems, name="agent")
    page = await browser.new_page()
    chat = await ask_for_tall_answer(page, writing)
    pill = chat.locator("#new-messages")
    log = chat.get_by_role("log")

    await wish_for_person(chat)
    await take(agent)
    await expect(log.get_by_text("You are now talking to")).to_be_in_viewport(timeout=10_000)
    await reply(agent, "A long story.\n\n" + "It goes on.\n\n" * 40)
    story = log.locator(".msg--agent").first
    await expect(story.locator(".msg__author")).to_be_in_viewport(timeout=10_000)
    await reply(agent, "That was all.")
    await expect(log.get_by_text("That was all.")).to_be_in_viewport(timeout=10_000)
    await agent.get_by_role("button", name="Resolve", exact=True).click()
    await expect(chat.get_by_role("button", name="Send rating")).to_be_in_viewport(timeout=10_000)
    await chat.get_by_role("radio", name="5 of 5").check(force=True)
    await chat.get_by_role("button", name="Send rating").click()
    await expect(chat.get_by_text("Thank you for your rating.")).to_be_in_viewport()
    await expect(pill).to_be_hidden()
    assert not problems


async def test_who_scrolled_is_not_moved_by_what_comes(
    writing: Stack, browser: Browser, problems: Problems
) -> None:
    agent = await open_queue(browser, writing, problems, name="agent")
    page = await browser.new_page()
    chat = await ask_for_tall_answer(page, writing)
    log = chat.get_by_role("log")
    await wish_for_person(chat)

    scroller = chat.locator("#scroller")
    await scroller.hover()
    await page.mouse.wheel(0, -300)
    await expect(log.get_by_text("passing you to a person")).not_to_be_in_viewport()
    before = await scroller.evaluate("node => node.scrollTop")
    await take(agent)
    await expect(log).to_contain_text("You are now talking to", timeout=10_000)
    await expect(chat.locator("#new-messages")).to_be_visible()
    assert await scroller.evaluate("node => node.scrollTop") == before
    await chat.locator("#new-messages").click()
    await expect(log.get_by_text("You are now talking to")).to_be_in_viewport()
    assert not problems


async def test_form_for_an_address_outlives_the_arrival_of_an_agent_and_a_reload(
    writing: Stack, browser: Browser, problems: Problems
) -> None:
    page = await browser.new_page()
    chat = await open_chat(page, writing.url)
    await ask(chat, QUESTION)
    await chat.get_by_role("button", name="Talk to a person").click()
    email = chat.get_by_role("textbox", name="E-mail address")
    await expect(chat.get_by_role("log")).to_contain_text("Leave your e-mail", timeout=10_000)
    await expect(email).to_be_in_viewport()
    await email.fill("mia@exam")

    agent = await open_queue(browser, writing, problems, name="agent")
    await expect(chat.get_by_role("heading", name="Nobody is online")).to_be_hidden(timeout=15_000)
    await expect(email).to_have_value("mia@exam")

    await page.reload()
    await expect(email).to_be_in_viewport(timeout=10_000)
    await expect(chat.get_by_role("heading", name="Nobody is online")).to_be_hidden()
    await email.fill("mia@example.com")
    await email.press("Enter")
    await expect(chat.locator("body")).to_contain_text("We will write to mia@example.com.")

    await page.reload()
    await expect(chat.get_by_role("log")).to_contain_text("Leave your e-mail", timeout=10_000)
    await expect(chat.locator("#bar-text")).to_contain_text("in the queue")
    await expect(email).to_be_hidden()
    await take(agent, customer="mia@example.com")
    await expect(chat.locator("#offline")).to_be_hidden(timeout=10_000)
    assert not problems
