"""The queue and the conversation page in a real browser: what a script alone can show."""

import re
import uuid
from collections.abc import Callable

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import (
    Problems,
    axe_violations,
    log_in,
)
from tests.browser.conftest import browser as browser  # noqa: PLC0414 - a shared fixture
from tests.browser.conftest import problems as problems  # noqa: PLC0414 - a shared fixture
from tests.browser.conftest import product as product  # noqa: PLC0414 - a shared fixture
from tests.live.conftest import live_database as live_database  # noqa: PLC0414 - a shared fixture
from tests.live.processes import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.timeout(180)]
QUEUE = "/admin/escalation/handoff/"
# The contrast of the focus ring with the bar that it lies on; null of what has the focus elsewhere.
RING = """() => {
    const focused = document.activeElement;
    const bar = focused.closest("#header, .breadcrumbs");
    if (!bar) return null;
    const luminance = (colour) => colour.match(/\\d+/g).slice(0, 3).map((one) => one / 255)
        .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
        .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
    const [ring, ground] = [getComputedStyle(focused).outlineColor,
        getComputedStyle(bar).backgroundColor].map((one) => luminance(one) + 0.05);
    return Math.max(ring, ground) / Math.min(ring, ground);
}"""


def ask_for_person(stack: Stack, *, name: str) -> Callable[[str], None]:
    """Be a customer who wants to talk to a person; return what lets them say more."""
    begin = {"site": "demo", "customer": {"name": name}}
    session = httpx.post(f"{stack.url}/api/v1/sessions", json=begin, timeout=10)
    given = session.raise_for_status().json()

    def say(text: str) -> None:
        httpx.post(
            f"{stack.url}/api/v1/conversations/{given['conversation']}/messages",
            json={"client_id": str(uuid.uuid4()), "text": text},
            headers={"Authorization": f"Bearer {given['token']}"},
            timeout=10,
        ).raise_for_status()

    say("I want to talk to a person.")
    return say


async def open_queue(browser: Browser, stack: Stack, problems: Problems, *, name: str) -> Page:
    """Log in and open the queue, with its socket connected."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    problems.watch(context)
    page = await context.new_page()
    await log_in(page, url=stack.url, name=name)
    async with page.expect_websocket():
        await page.goto(f"{stack.url}{QUEUE}")
    return page


async def conversation_ready(page: Page) -> None:
    """Wait until the conversation page's script runs: keys and acts without a reload are its."""
    await expect(page.locator("#help")).to_be_visible()


async def test_rows_hold_still_under_the_pointer_and_the_alert_comes_all_the_same(
    product: Stack, browser: Browser, problems: Problems
) -> None:
    page = await open_queue(browser, product, problems, name="agent")
    ask_for_person(product, name="First Customer")
    await expect(page.get_by_role("link", name="First Customer")).to_be_visible(timeout=10_000)

    await page.get_by_role("link", name="First Customer").hover()
    before = await page.locator("#queue").bounding_box()
    ask_for_person(product, name="Second Customer")
    await expect(page.locator("#news")).to_contain_text("Second Customer", timeout=10_000)
    await expect(page).to_have_title(re.compile(r"^\(\d+\) Queue"))
    refresh = page.get_by_role("button", name=re.compile("^1 change"))
    await expect(refresh).to_be_visible()
    await expect(page.get_by_role("link", name="Second Customer")).to_have_count(0)
    assert await page.locator("#queue").bounding_box() == before
    assert not await axe_violations(page)

    await refresh.click()
    await expect(page.get_by_role("link", name="Second Customer")).to_be_visible()
    await expect(refresh).to_be_hidden()
    assert problems == []


async def test_draft_of_who_may_not_reply_any_more_is_kept_over_a_reload(
    product: Stack, browser: Browser, problems: Problems
) -> None:
    ask_for_person(product, name="Third Customer")
    first = await open_queue(browser, product, problems, name="agent")
    second = await open_queue(browser, product, problems, name="manager")
    for page in (first, second):
        await page.get_by_role("link", name="Third Customer").click()
    await expect(first.get_by_label("Reply")).to_be_disabled()
    await first.get_by_role("button", name="Take", exact=True).click()
    await first.get_by_label("Reply").fill("A draft")
    await first.get_by_role("button", name="Hand back to assistant").click()
    await expect(first.get_by_label("Reply")).to_be_disabled(timeout=5_000)
    await second.get_by_role("button", name="Take", exact=True).click()
    await expect(first.locator("#reply-hint")).to_contain_text("holds this", timeout=5_000)
    await expect(first.locator("#news")).to_be_empty()
    await first.reload()
    await expect(first.get_by_label("Reply")).to_have_value("A draft")

    await second.get_by_label("Reply").fill("I am **here**")
    await second.get_by_role("button", name="Send").click()
    await expect(first.get_by_role("log")).to_contain_text("I am here", timeout=5_000)
    await expect(second.get_by_label("Reply")).to_have_value("")
    assert problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_focus_is_seen_in_the_admins_dark_bars(
    product: Stack, browser: Browser, problems: Problems, scheme: str
) -> None:
    page = await open_queue(browser, product, problems, name="agent")
    await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    ratios = []
    for _ in range(8):
        await page.keyboard.press("Tab")
        ratios.append(await page.evaluate(RING))
    in_bars = [ratio for ratio in ratios if ratio is not None]
    assert len(in_bars) >= 5
    assert min(in_bars) >= 3


async def test_reply_just_sent_is_in_sight_wherever_the_log_was(
    product: Stack, browser: Browser, problems: Problems
) -> None:
    ask_for_person(product, name="Fourth Customer")
    page = await open_queue(browser, product, problems, name="agent")
    await page.get_by_role("link", name="Fourth Customer").click()
    await page.get_by_role("button", name="Take", exact=True).click()
    replies = page.locator(".line--agent")
    await page.get_by_label("Reply").fill("A word\n\n" * 40)
    await page.keyboard.press("Control+Enter")
    await expect(replies).to_have_count(1)
    await page.get_by_role("log").evaluate("log => log.scrollTop = 0")
    await page.get_by_label("Reply").fill("The last word")
    await page.keyboard.press("Control+Enter")
    await expect(replies.last).to_have_text(re.compile("The last word"))
    await expect(replies.last).to_be_in_viewport(ratio=1)
    await expect(page.locator("#to-end")).to_be_hidden()
    assert problems == []


async def test_conversation_is_taken_answered_and_resolved_by_keys_alone(
    product: Stack, browser: Browser, problems: Problems
) -> None:
    ask_for_person(product, name="Keyboard Customer")
    page = await open_queue(browser, product, problems, name="agent")
    await page.get_by_role("link", name="Keyboard Customer").focus()
    await page.keyboard.press("Enter")
    await conversation_ready(page)
    await page.keyboard.press("t")
    await expect(page.get_by_label("Reply", exact=True)).to_be_focused()
    await page.keyboard.type("Every piece is HERE")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("log")).to_contain_text("Every piece is HERE")
    await page.get_by_role("log").focus()
    await page.keyboard.press("Shift+E")
    await expect(page.locator(".state")).to_have_text("Resolved")
    await expect(page.locator("#keys")).not_to_contain_text("resolve")
    assert problems == []


async def test_look_that_failed_is_made_up_for_though_the_socket_stands(
    product: Stack, browser: Browser, problems: Problems
) -> None:
    customer = ask_for_person(product, name="Missed Customer")
    page = await open_queue(browser, product, problems, name="agent")
    await page.get_by_role("link", name="Missed Customer").click()
    await conversation_ready(page)
    await page.route("**/fragment/**", lambda route: route.abort())
    async with page.expect_event("requestfailed"):
        customer("Are you still there?")
    await page.unroute("**/fragment/**")
    await expect(page.get_by_role("log")).to_contain_text("Are you still there?", timeout=15_000)


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
@pytest.mark.parametrize("place", ["the queue", "the conversation"])
async def test_taking_leads_to_the_reply_box_below_the_logs_end(
    product: Stack, browser: Browser, problems: Problems, place: str, size: tuple[int, int]
) -> None:
    name = f"Taken from {place} at {size[0]}"
    ask_for_person(product, name=name)
    page = await open_queue(browser, product, problems, name="agent")
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    take = page.get_by_role("row", name=name).get_by_role("button", name="Take", exact=True)
    if place == "the conversation":
        await page.get_by_role("link", name=name).click()
        take = page.get_by_role("button", name="Take", exact=True)
        await conversation_ready(page)
    await take.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Reply", exact=True)).to_be_focused()
    for seen in ("#reply", "#send", "[data-line] >> nth=-1"):
        await expect(page.locator(seen)).to_be_in_viewport(ratio=1)
    assert problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everything_fits_into_one_view_and_onto_a_phone(
    product: Stack, browser: Browser, problems: Problems, scheme: str
) -> None:
    name = f"Fitting {scheme}"
    ask_for_person(product, name=name)
    page = await open_queue(browser, product, problems, name="agent")
    await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    assert not await axe_violations(page)
    await page.get_by_role("link", name=name).click()
    await page.get_by_role("button", name="Take", exact=True).click()
    await expect(page.get_by_role("button", name="Resolve")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    for seen in ("Reason", "Customer"):
        await expect(page.get_by_role("heading", name=seen, exact=True)).to_be_in_viewport()
    await expect(page.get_by_label("Reply")).to_be_in_viewport()
    await page.set_viewport_size({"width": 390, "height": 844})
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    heights = (
        await page.get_by_role("main")
        .get_by_role("button")
        .evaluate_all("all => all.filter(one => one.offsetParent).map(one => one.offsetHeight)")
    )
    assert min(heights) >= 44
    assert not await axe_violations(page)
