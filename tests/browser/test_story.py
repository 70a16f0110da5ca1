"""The whole story in a real browser: a customer, an agent, and then the manager's report."""

import re

import pytest
from playwright.async_api import Browser, FrameLocator, Page, expect

from tests.browser.conftest import Problems, axe_violations, log_in
from tests.live.processes import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.timeout(180)]


async def open_chat(page: Page, url: str) -> FrameLocator:
    """Open the storefront and its chat."""
    await page.goto(f"{url}/")
    await page.get_by_role("button", name="Open support chat").click()
    return page.frame_locator("iframe")


async def ask(chat: FrameLocator, text: str) -> None:
    """Send a message as a customer types it."""
    box = chat.get_by_role("textbox", name="Message", exact=True)
    await box.fill(text)
    await box.press("Enter")


async def read_the_report(product: Stack, browser: Browser, problems: Problems) -> None:
    """Open the reports as a manager."""
    context = await browser.new_context()
    problems.watch(context)
    page = await context.new_page()
    await log_in(page, url=product.url, name="manager")
    await page.goto(f"{product.url}/admin/reports/")
    await expect(page.get_by_role("heading", name=re.compile("report", re.I)).first).to_be_visible()
    assert not await axe_violations(page)


async def test_customer_agent_and_manager_play_the_whole_story(
    product: Stack, browser: Browser, problems: Problems
) -> None:
    customer_context = await browser.new_context()
    agent_context = await browser.new_context(viewport={"width": 1280, "height": 800})
    problems.watch(customer_context)
    problems.watch(agent_context)
    customer, agent = await customer_context.new_page(), await agent_context.new_page()

    await log_in(agent, url=product.url, name="agent")
    await agent.goto(f"{product.url}/admin/escalation/handoff/")
    assert not await axe_violations(agent)

    chat = await open_chat(customer, product.url)
    talk = chat.get_by_role("button", name="Talk to a person")
    await expect(talk).to_have_accessible_description("Please write first what it is about.")
    await ask(chat, "Which payment methods do you accept?")
    log = chat.get_by_role("log")
    await expect(log).to_contain_text("American Express", timeout=15_000)
    await expect(chat.get_by_role("button", name=re.compile("Sources"))).to_be_visible()
    assert not await axe_violations(customer)

    await customer.reload()
    chat = customer.frame_locator("iframe")
    log = chat.get_by_role("log")
    await expect(log).to_contain_text("American Express", timeout=10_000)

    await chat.get_by_role("button", name="Talk to a person").click()
    await expect(chat.locator("body")).to_contain_text("passing you to a person", timeout=10_000)
    # Other tests leave customers waiting, who have signed in.
    waiting = agent.locator("[data-fragment=waiting]").get_by_role("row")
    row = waiting.filter(has_text="Asked for a person").filter(has_text="Visitor").last
    await expect(row).to_be_visible(timeout=5_000)
    await row.get_by_role("link").first.click()

    await agent.get_by_role("button", name="Take", exact=True).click()
    await expect(log).to_contain_text("You are now talking to", timeout=10_000)
    assert not await axe_violations(agent)
    await agent.get_by_role("textbox", name="Reply").fill("Hello, I am **here** to help.")
    await agent.get_by_role("button", name="Send", exact=True).click()
    await expect(log).to_contain_text("Hello, I am here to help.", timeout=10_000)
    await ask(chat, "<img src=x onerror=alert(1)> Thank you!")
    await expect(agent.locator("body")).to_contain_text(
        "<img src=x onerror=alert(1)> Thank you!", timeout=10_000
    )
    await agent.get_by_role("button", name="Resolve", exact=True).click()

    score = chat.get_by_role("radio", name="5 of 5")
    await expect(score).to_be_attached(timeout=10_000)
    assert not await axe_violations(customer)
    await score.check(force=True)
    await chat.get_by_role("button", name="Send rating").click()
    await expect(chat.locator("body")).to_contain_text(re.compile("[Tt]hank"), timeout=10_000)

    await read_the_report(product, browser, problems)
    assert not problems


@pytest.mark.parametrize(
    ("scheme", "width", "height"), [("light", 1280, 800), ("dark", 1280, 800), ("dark", 390, 780)]
)
async def test_widget_has_no_axe_violations(
    product: Stack, browser: Browser, problems: Problems, scheme: str, width: int, height: int
) -> None:
    context = await browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": height},
    )
    problems.watch(context)
    page = await context.new_page()
    chat = await open_chat(page, product.url)
    await expect(chat.get_by_role("textbox", name="Message", exact=True)).to_be_visible()
    assert not await axe_violations(page)
    assert not problems


async def test_widget_by_keyboard_alone(product: Stack, browser: Browser) -> None:
    page = await browser.new_page()
    await page.goto(f"{product.url}/")
    launcher = page.get_by_role("button", name="Open support chat")
    await launcher.focus()
    await page.keyboard.press("Enter")
    chat = page.frame_locator("iframe")
    box = chat.get_by_role("textbox", name="Message", exact=True)
    await expect(box).to_be_focused(timeout=10_000)
    await page.keyboard.type("Which payment methods do you accept?")
    await page.keyboard.press("Enter")
    await expect(chat.get_by_role("log")).to_contain_text("American Express", timeout=15_000)
    await page.keyboard.press("Escape")
    await expect(launcher).to_be_focused(timeout=5_000)


async def test_card_number_is_hidden_once_it_is_sent(product: Stack, browser: Browser) -> None:
    page = await browser.new_page()
    chat = await open_chat(page, product.url)

    await ask(chat, "My card 4111 1111 1111 1111 was charged twice")

    said = chat.get_by_role("log").locator(".msg--customer")
    await expect(said).to_contain_text("My card •••• 1111 was charged twice", timeout=15_000)
    await expect(said).to_have_count(1)


async def test_loss_of_the_server_is_shown_and_nothing_is_lost(
    product: Stack, browser: Browser
) -> None:
    page = await browser.new_page()
    chat = await open_chat(page, product.url)
    await ask(chat, "Which payment methods do you accept?")
    await expect(chat.get_by_role("log")).to_contain_text("American Express", timeout=15_000)
    product.kill("web")
    await expect(chat.locator("body")).to_contain_text("Reconnecting", timeout=10_000)
    await ask(chat, "do gift cards ever expire")
    product.start("web")
    product.wait_ready("web")
    await expect(chat.get_by_role("log")).to_contain_text("never expire", timeout=60_000)
    texts = await chat.get_by_role("log").all_inner_texts()
    assert "".join(texts).count("do gift cards ever expire") == 1
