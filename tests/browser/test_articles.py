"""Writing an article in a real browser: passages as one types, questions tried, history read."""

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Page, expect

from supportbot.embedded.valkey import find_free_port
from tests.browser.conftest import Problems, axe_violations, log_in
from tests.live.processes import Stack
from tests.servers import servers

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.timeout(180)]
LIST = "/admin/knowledge/article/"
VIEWS = [("light", 1280, 900), ("dark", 1280, 900), ("light", 390, 844), ("dark", 390, 844)]


@pytest.fixture(scope="module")
def web(live_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The web server alone: nothing here waits for a worker."""
    with Stack(
        database_url=live_database,
        redis_url=servers.urls.redis_url,
        folder=tmp_path_factory.mktemp("articles"),
        names=("web",),
        environment={"REDIS_PREFIX": f"articles{find_free_port()}"},
    ) as stack:
        yield stack


async def open_article(page: Page, stack: Stack, *, title: str) -> None:
    """Log in as the manager and open an article's form."""
    await log_in(page, url=stack.url, name="manager")
    await page.goto(f"{stack.url}{LIST}?q={title}")
    await page.get_by_role("link", name=title, exact=True).click()
    await expect(page.get_by_label("Body")).to_be_visible()


async def test_passages_follow_the_typing_and_a_question_is_answered_beside_it(
    web: Stack, browser: Browser, problems: Problems
) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    problems.watch(context)
    page = await context.new_page()
    await open_article(page, web, title="Buying gift cards")
    await page.get_by_label("Body").press("Control+End")
    await page.get_by_label("Body").type("\n\n## Typed just now\n\n<img src=x> in **bold**.")
    passages = page.get_by_role("region", name="Passages")
    await expect(passages).to_contain_text("Typed just now", timeout=5_000)
    await expect(passages).to_contain_text("<img src=x> in bold.", timeout=5_000)

    await page.get_by_label("A customer's question").fill("do gift cards ever expire")
    await page.keyboard.press("Enter")
    tried = page.get_by_role("region", name="What would you answer?")
    await expect(tried).to_contain_text("It would answer", timeout=15_000)
    await expect(tried.get_by_role("region", name="The answer")).to_contain_text("never expire")
    await expect(tried).to_contain_text("This article is on top.")
    await expect(page.get_by_label("Body")).to_have_value(re.compile("## Typed just now"))
    assert problems == []


async def test_earlier_text_is_read_and_restored(
    web: Stack, browser: Browser, problems: Problems
) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    problems.watch(context)
    page = await context.new_page()
    await open_article(page, web, title="Click and collect")
    before = await page.get_by_label("Body").input_value()
    await page.get_by_label("Body").fill(f"{before}\n\nOne line more.")
    await page.get_by_role("button", name="Save and continue editing").click()
    await page.get_by_role("link", name="History of the text").click()
    await expect(page.get_by_role("insertion")).to_contain_text(["", "One line more."])
    await page.get_by_role("button", name="Restore version 1", exact=True).click()
    await expect(page.get_by_text("Restored the text of version 1.")).to_be_visible()
    await expect(page.get_by_label("Body")).to_have_value(before)
    assert problems == []


@pytest.mark.parametrize(("scheme", "width", "height"), VIEWS)
async def test_pages_fit_and_have_no_axe_violations(
    web: Stack, browser: Browser, scheme: str, width: int, height: int
) -> None:
    context = await browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": height},
    )
    page = await context.new_page()
    await open_article(page, web, title="Buying gift cards")
    await page.get_by_label("A customer's question").fill("do gift cards ever expire")
    await page.get_by_role("button", name="Ask").click()
    await expect(page.get_by_text("It would answer")).to_be_visible(timeout=15_000)
    side = await page.get_by_role("region", name="Beside the form").bounding_box()
    body = await page.get_by_label("Body").bounding_box()
    assert side
    assert body
    assert (side["x"] > body["x"] + body["width"]) == (width >= 1100)
    address = page.url.removesuffix("change/")
    for url in (page.url, f"{address}versions/", f"{web.url}{LIST}", f"{web.url}{LIST}add/"):
        if url != page.url:
            await page.goto(url)
        assert not await axe_violations(page)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_form_without_scripts_previews_and_answers(web: Stack, browser: Browser) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await open_article(page, web, title="Buying gift cards")
    await page.get_by_label("Body").fill("## Unsaved\n\nwords")
    async with context.expect_page() as opened:
        await page.get_by_role("button", name="Preview the passages").click()
    preview = await opened.value
    await expect(preview.get_by_role("main")).to_contain_text("Unsaved")
    await expect(page.get_by_label("Body")).to_have_value("## Unsaved\n\nwords")
    await page.get_by_label("A customer's question").fill("do gift cards ever expire")
    await page.get_by_role("button", name="Ask").click()
    await expect(page.get_by_role("main")).to_contain_text("It would answer")
