"""A customer confirms what the assistant proposes: by hand, by keyboard, on a phone, at night."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from playwright.async_api import Browser, FrameLocator, Page, expect

from tests.browser.conftest import Problems, axe_violations, log_in, product_with_model
from tests.browser.test_story import ask
from tests.live.conftest import Upstream
from tests.live.conftest import upstream as upstream  # noqa: PLC0414 - a shared fixture
from tests.live.processes import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.timeout(180)]
OPEN, SHIPPED = "HP-10443", "HP-10444"
# No article answers it: it is left to the tools.
QUESTION = f"Please cancel order {OPEN}"


@pytest.fixture
def shop(live_database: str, tmp_path: Path, upstream: Upstream) -> Iterator[Stack]:
    """The demo with its tools, and orders that nobody has changed."""
    folder = str(tmp_path)
    with product_with_model(live_database, tmp_path, upstream, DATA_DIR=folder) as stack:
        stack.manage("load_demo")
        yield stack


def propose(upstream: Upstream, tool: str, **arguments: str) -> None:
    """Let the model call ``tool`` when it is asked the question."""
    upstream.behave("tool_call", tool=tool, arguments=arguments, contains=QUESTION)


async def open_as_ada(page: Page, url: str) -> FrameLocator:
    """Open the shop, sign in by its switch, and open the chat."""
    await page.goto(f"{url}/")
    await page.get_by_role("link", name="Sign in as Ada").click()
    await page.get_by_role("button", name="Open support chat").click()
    return page.frame_locator("iframe")


async def open_last_waiting(agent: Page, text: str) -> None:
    """Open the conversation that came last of those waiting whose rows hold ``text``."""
    # Other tests leave customers in the queue, some of them taken.
    row = agent.locator("[data-fragment=waiting]").get_by_role("row").filter(has_text=text).last
    await row.get_by_role("link").first.click(timeout=10_000)


async def test_order_is_cancelled_by_a_click_and_all_see_it(
    shop: Stack, upstream: Upstream, browser: Browser, problems: Problems, tmp_path: Path
) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    staff = await browser.new_context(viewport={"width": 1280, "height": 800})
    problems.watch(context)
    page = await context.new_page()
    chat = await open_as_ada(page, shop.url)
    propose(upstream, "cancel_order", number=OPEN)
    await ask(chat, QUESTION)
    card = chat.get_by_role("group", name=f"Stop order {OPEN}?")
    await expect(card).to_contain_text("Harbor Rain Shell", timeout=15_000)
    await expect(card).to_contain_text("264.81 USD")
    assert not await axe_violations(page)
    assert not (tmp_path / "demo-orders.json").exists()

    await page.reload()
    card = page.frame_locator("iframe").get_by_role("group", name=f"Stop order {OPEN}?")
    button = card.get_by_role("button", name="Confirm")
    await button.focus(timeout=10_000)
    await page.keyboard.press("Enter")
    await expect(card).to_contain_text("Done", timeout=10_000)
    await expect(button).to_be_hidden()
    log = page.frame_locator("iframe").get_by_role("log")
    await expect(log).to_contain_text(f"Order {OPEN} is cancelled.", timeout=10_000)
    assert json.loads((tmp_path / "demo-orders.json").read_text())[OPEN]["status"] == "Cancelled"
    await page.reload()
    await expect(card).to_contain_text("Done", timeout=10_000)
    assert not await axe_violations(page)

    agent = await staff.new_page()
    await log_in(agent, url=shop.url, name="agent")
    await page.frame_locator("iframe").get_by_role("button", name="Talk to a person").click()
    await agent.goto(f"{shop.url}/admin/escalation/handoff/")
    await open_last_waiting(agent, "Ada Marsh")
    calls = agent.get_by_role("list", name="Tool calls")
    await expect(calls).to_contain_text(re.compile(r"cancel_order\s+Done"), timeout=10_000)
    assert not problems


@pytest.mark.parametrize(
    ("scheme", "locale", "width"), [("light", "en", 390), ("dark", "ar", 390), ("dark", "de", 1280)]
)
async def test_card_fits_a_phone_the_night_and_right_to_left(
    shop: Stack, upstream: Upstream, browser: Browser, problems: Problems,
    scheme: str, locale: str, width: int,
) -> None:  # fmt: skip
    context = await browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": 780},
    )
    problems.watch(context)
    page = await context.new_page()
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    await page.route(
        re.compile(r"/widget/frame/"),
        lambda route: route.continue_(
            url=re.sub(r"locale=[a-z]+", f"locale={locale}", route.request.url)
        ),
    )
    chat = await open_as_ada(page, shop.url)
    propose(
        upstream,
        "change_delivery_address",
        number=OPEN,
        street="<img src=x onerror=alert(1)> Long Lane 1",
        city="Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch",
        region="ME",
        postal_code="04609",
    )
    box = chat.locator("#message[placeholder]")
    await box.fill(QUESTION)
    await box.press("Enter")
    card = chat.locator(".action")
    await expect(card).to_contain_text("<img src=x onerror=alert(1)> Long Lane 1", timeout=15_000)
    assert not await axe_violations(page)
    overflow = await card.evaluate("node => node.scrollWidth - node.clientWidth")
    assert overflow <= 0
    sizes = [await one.bounding_box() for one in await card.get_by_role("button").all()]
    assert [size is not None and size["height"] >= 44 for size in sizes] == [True, True]
    await card.get_by_role("button").last.click()
    await expect(card).to_have_attribute("data-state", "cancelled", timeout=10_000)
    await expect(card.locator(".action__state")).to_be_focused()
    await page.reload()
    await expect(card).to_have_attribute("data-state", "cancelled", timeout=10_000)
    assert not await axe_violations(page)
    assert not problems


async def test_double_click_whose_outcome_is_unknown_goes_to_a_person(
    shop: Stack, upstream: Upstream, browser: Browser, problems: Problems, tmp_path: Path
) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    problems.watch(context)
    page = await context.new_page()
    chat = await open_as_ada(page, shop.url)
    propose(upstream, "cancel_order", number=OPEN)
    await ask(chat, QUESTION)
    card = chat.locator(".action")
    await expect(card).to_be_visible(timeout=15_000)
    # The shop's records can't be read any more.
    (tmp_path / "demo-orders.json").mkdir()
    await card.get_by_role("button", name="Confirm").dblclick()
    await expect(card).to_have_attribute("data-state", "unknown", timeout=10_000)
    await expect(card).to_contain_text("A person is checking this")
    log = chat.get_by_role("log")
    await expect(log).to_contain_text("can't tell whether that went through", timeout=10_000)
    assert not await axe_violations(page)
    assert not problems


async def test_card_ends_by_itself_and_stays_open_when_an_agent_takes_over(
    shop: Stack,
    upstream: Upstream,
    live_database: str,
    browser: Browser,
    problems: Problems,
) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    staff = await browser.new_context(viewport={"width": 1280, "height": 800})
    problems.watch(context)
    page, agent = await context.new_page(), await staff.new_page()
    chat = await open_as_ada(page, shop.url)
    propose(upstream, "cancel_order", number=OPEN)
    await ask(chat, QUESTION)
    cards = chat.locator(".action")
    await expect(cards).to_have_attribute("data-state", "proposed", timeout=15_000)
    with psycopg.connect(live_database, autocommit=True) as connection:
        connection.execute(
            "UPDATE assistant_toolcall SET expires_at = now() WHERE state = 'proposed'"
        )
    await expect(cards).to_have_attribute("data-state", "expired", timeout=15_000)

    await ask(chat, f"{QUESTION} Now, please.")
    await expect(cards.last).to_have_attribute("data-state", "proposed", timeout=15_000)
    await log_in(agent, url=shop.url, name="agent")
    await chat.get_by_role("button", name="Talk to a person").click()
    log = chat.get_by_role("log")
    # In the queue by now; before, the last one there would be another customer.
    await expect(log).to_contain_text(re.compile("passing you to a person|Leave your e-mail"))
    await agent.goto(f"{shop.url}/admin/escalation/handoff/")
    await open_last_waiting(agent, "Asked for a person")
    await agent.get_by_role("button", name="Take", exact=True).click()
    await expect(log).to_contain_text("You are now talking to", timeout=10_000)
    await cards.last.get_by_role("button", name="Confirm").click()
    await expect(cards.last).to_have_attribute("data-state", "done", timeout=10_000)
    # The assistant does not speak over the agent: the shop itself says it.
    said = log.locator(".msg--system").filter(has_text=f"Order {OPEN} is cancelled.")
    await expect(said).to_be_visible(timeout=10_000)
    assert not problems
