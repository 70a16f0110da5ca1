"""The report of models and money in a real browser, at both sizes and in both schemes."""

import math
from typing import Literal

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.conftest import Problems, axe_violations, log_in
from tests.browser.conftest import browser as browser  # noqa: PLC0414 - a shared fixture
from tests.browser.conftest import problems as problems  # noqa: PLC0414 - a shared fixture
from tests.browser.conftest import product as product  # noqa: PLC0414 - a shared fixture
from tests.live.conftest import make_live_database
from tests.live.processes import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.timeout(180)]
IS_AT_END = "node => node.scrollLeft + node.clientWidth >= node.scrollWidth - 1"
FILL = """
from conversations.models import Site
from tests.reports.filling import fill
site, is_new = Site.objects.get_or_create(key="filled", defaults={"name": "Filled Shop"})
if is_new:
    fill(site)
"""


@pytest.fixture(scope="module")
def live_database() -> str:
    """A database of its own: what it is filled with would count in the other tests' budgets."""
    return make_live_database("reports")


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)]
)
async def test_page_fits_and_has_no_axe_violations(
    product: Stack, browser: Browser, problems: Problems, scheme: str, width: int
) -> None:
    product.manage("shell", "-c", FILL)
    context = await browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": 900},
    )
    problems.watch(context)
    page = await context.new_page()
    await log_in(page, url=product.url, name="manager")
    await page.goto(f"{product.url}/admin/reports/")
    await page.get_by_role("link", name="Models and money").click()
    await expect(page.get_by_role("heading", name="Models and money")).to_be_visible()
    await page.get_by_label("Website").select_option("Filled Shop")
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_label("Website")).to_have_value("filled")
    await expect(page.get_by_role("rowheader", name="Given again from the cache")).to_have_count(2)
    await page.get_by_text("How these figures are counted").click()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not await axe_violations(page)
    assert not problems


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_table_that_goes_on_shows_it_at_that_edge_alone(
    product: Stack, browser: Browser, scheme: Literal["light", "dark"]
) -> None:
    page = await browser.new_page(color_scheme=scheme, viewport={"width": 390, "height": 900})
    await log_in(page, url=product.url, name="manager")
    await page.goto(f"{product.url}/admin/reports/")
    table = page.get_by_role("region", name="Figures of each day")
    start_left, start_right = await _edges(table)
    assert start_left != start_right

    # As somebody without a pointer scrolls.
    await table.focus()
    for _ in range(10):
        await page.keyboard.press("ArrowRight")
    await page.wait_for_function(IS_AT_END, arg=await table.element_handle())
    assert await _edges(table) == (start_right, start_left)

    await page.set_viewport_size({"width": 1280, "height": 900})
    assert await _edges(table) == (start_left, start_left)


async def _edges(table: Locator) -> tuple[bytes, bytes]:
    """Return pictures of what lies behind the words at the left and at the right edge."""
    await table.evaluate("node => { node.firstElementChild.style.visibility = 'hidden' }")
    await table.scroll_into_view_if_needed()
    box = await table.bounding_box()
    assert box is not None
    y, left, right = box["y"] + 5, math.ceil(box["x"]), math.floor(box["x"] + box["width"]) - 1
    return await _picture(table.page, left, y), await _picture(table.page, right, y)


async def _picture(page: Page, x: float, y: float) -> bytes:
    return await page.screenshot(clip={"x": x, "y": y, "width": 1, "height": 20})
