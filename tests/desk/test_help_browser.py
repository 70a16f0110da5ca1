"""Help beside the reply box, the page that says why, and the prompts, in a real browser."""

import re
import uuid

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from supportbot.processes import wait_until
from tests.browser.conftest import Problems, axe_violations, log_in
from tests.browser.conftest import browser as browser  # noqa: PLC0414 - a shared fixture
from tests.browser.conftest import problems as problems  # noqa: PLC0414 - a shared fixture
from tests.browser.conftest import product as product  # noqa: PLC0414 - a shared fixture
from tests.live.conftest import live_database as live_database  # noqa: PLC0414 - a shared fixture
from tests.live.processes import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.timeout(180)]
QUESTION = "How long do I have to return something?"


def ask_the_assistant(stack: Stack, *, name: str) -> str:
    """Be a customer whose question is answered; return the conversation's id."""
    with httpx.Client(base_url=f"{stack.url}/api/v1", timeout=10) as customer:
        session = customer.post("/sessions", json={"site": "demo", "customer": {"name": name}})
        given = session.raise_for_status().json()
        address = f"/conversations/{given['conversation']}/messages"
        customer.headers["Authorization"] = f"Bearer {given['token']}"
        body = {"client_id": str(uuid.uuid4()), "text": QUESTION}
        customer.post(address, json=body).raise_for_status()

        def is_answered() -> bool:
            messages = customer.get(address).raise_for_status().json()["messages"]
            return any(one["author"]["kind"] == "assistant" for one in messages)

        assert wait_until(is_answered, seconds=30)
    return str(given["conversation"])


async def open_page(
    browser: Browser, stack: Stack, problems: Problems, *, name: str, path: str
) -> Page:
    """Log in and open a page of the admin."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    problems.watch(context)
    page = await context.new_page()
    await log_in(page, url=stack.url, name=name)
    await page.goto(f"{stack.url}/admin/{path}")
    return page


async def check_look(page: Page) -> None:
    """Light and dark, on a desk and on a phone: nothing for axe, nothing sideways."""
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        # The admin's links change their colour gradually.
        await page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished))")
        assert not await axe_violations(page)
    await page.set_viewport_size({"width": 390, "height": 844})
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not await axe_violations(page)


async def test_help_fills_the_reply_box_and_sends_nothing(
    product: Stack, browser: Browser, problems: Problems
) -> None:
    conversation = ask_the_assistant(product, name="Needs Help")
    path = f"escalation/handoff/conversation/{conversation}/"
    page = await open_page(browser, product, problems, name="agent", path=path)
    draft = page.get_by_role("button", name="Draft a reply")
    await draft.click()
    # Whoever does not hold the conversation only reads it.
    panel = page.get_by_role("region", name="Draft")
    await expect(panel).to_contain_text("30 days", timeout=15_000)
    await panel.get_by_role("button", name="Put into the reply").click()
    await expect(page.locator("#help-state")).to_contain_text("Take the conversation first")
    await panel.get_by_role("button", name="Close").click()
    await expect(panel).to_be_hidden()
    assert not await axe_violations(page)

    await page.get_by_role("button", name="Take", exact=True).click()
    box = page.get_by_label("Reply", exact=True)
    await expect(box).to_be_enabled()
    await draft.focus()
    await page.keyboard.press("Enter")
    await expect(box).to_have_value(re.compile("30 days"), timeout=15_000)
    await expect(box).to_be_focused()
    await expect(page.locator("#help-state")).to_contain_text("Read it before you send it")
    drafted = await box.input_value()

    await page.get_by_role("button", name="Summarise").click()
    summary = page.get_by_role("region", name=re.compile("^Summary"))
    await expect(summary).to_contain_text(f"Asked first: \u201c{QUESTION}\u201d", timeout=15_000)
    await page.keyboard.press("Escape")
    await expect(summary).to_be_hidden()
    assert await box.input_value() == drafted
    await expect(page.locator(".line--agent")).to_have_count(0)
    await page.reload()
    await expect(box).to_have_value(drafted)
    await draft.click()
    await expect(panel).to_be_visible(timeout=15_000)
    await check_look(page)
    assert problems == []


async def test_help_with_a_reply_goes_with_the_reply(
    product: Stack, browser: Browser, problems: Problems
) -> None:
    conversation = ask_the_assistant(product, name="Gets A Draft")
    path = f"escalation/handoff/conversation/{conversation}/"
    page = await open_page(browser, product, problems, name="agent", path=path)
    await page.get_by_role("button", name="Take", exact=True).click()
    await expect(page.get_by_label("Reply", exact=True)).to_be_focused()
    draft = page.get_by_role("button", name="Draft a reply")
    await draft.click()
    panel = page.get_by_role("region", name="Drafted from")
    await expect(panel).to_be_visible(timeout=15_000)
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".line--agent")).to_have_count(1)
    await expect(panel).to_be_hidden()
    await expect(page.locator("#help-state")).to_be_empty()

    await draft.click()
    panel = page.get_by_role("region", name="Drafted from")
    await expect(panel).to_be_visible(timeout=15_000)
    await page.get_by_label("Reply", exact=True).fill("")
    await page.get_by_role("button", name="Resolve").click()
    await expect(page.locator("#reply-form")).to_be_hidden()
    # There is nothing to reply to any more, and nothing to take.
    for _ in range(2):
        await expect(draft).to_be_hidden()
        await expect(panel).to_be_hidden()
        await expect(page.get_by_role("button", name="Summarise")).to_be_visible()
        await expect(page.locator("#keys")).to_have_text(re.compile(r"^\s*Keys:\s*q\s*queue\s*$"))
        await page.reload()
    assert problems == []


async def test_why_leads_from_an_answer_to_its_turn(
    product: Stack, browser: Browser, problems: Problems
) -> None:
    conversation = ask_the_assistant(product, name="Asks Why")
    path = f"escalation/handoff/conversation/{conversation}/"
    page = await open_page(browser, product, problems, name="manager", path=path)
    await page.get_by_role("link", name="Why this answer?").click()
    await expect(page.locator("#sentence")).to_contain_text("Answered because confidence")
    await expect(page.get_by_role("heading", name="Where the time went")).to_be_visible()
    await expect(page.locator(".turn-bar .report-bar-value").first).to_be_visible()
    await check_look(page)

    await page.get_by_role("link", name="Try a prompt on this turn").click()
    await expect(page.get_by_label("Turn")).to_have_value(re.compile(r"\d+"))
    await check_look(page)
    await page.get_by_role("button", name="Try it").click()
    heading = page.get_by_role("heading", name=re.compile("^By version"))
    card = page.locator("section", has=heading)
    await expect(card).to_contain_text("It would answer", timeout=30_000)
    await check_look(page)
    assert problems == []


async def test_turns_and_prompts_are_listed_and_compared(
    product: Stack, browser: Browser, problems: Problems
) -> None:
    ask_the_assistant(product, name="Is Listed")
    page = await open_page(
        browser, product, problems, name="manager", path="assistant/turn/?engine=yes"
    )
    await expect(page.get_by_role("link", name=QUESTION).first).to_be_visible()
    assert not await axe_violations(page)
    await page.get_by_role("link", name="Prompts", exact=True).click()
    await check_look(page)
    await page.goto(f"{product.url}/admin/assistant/prompts/answer/2/?with=1")
    await expect(page.get_by_role("heading", name=re.compile("^From version 1"))).to_be_visible()
    await check_look(page)
    assert problems == []
