"""A manager follows an import in a real browser; here the test is the worker."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from conversations.models import Site
from knowledge.imports import claim_run, open_run
from knowledge.models import ImportRun, Source
from tests.browser.conftest import Problems, axe_violations, log_in
from tests.conftest import make_user

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(180),
]
VIEWS = [("light", 1280, 900), ("dark", 390, 844)]


@pytest.fixture
def source(site: Site) -> Source:
    make_user("max", role="manager")
    source = Source.objects.create(site=site, kind="website", location="https://help.example/")
    claim_run(open_run(source).pk)
    return source


async def work(**values: Any) -> None:
    """Do what a worker does to the row."""
    await sync_to_async(ImportRun.objects.update)(**values)


async def test_progress_is_followed_while_the_page_is_open(
    source: Source, live_server: LiveServer, browser: Browser, problems: Problems
) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    problems.watch(context)
    page = await context.new_page()
    await log_in(page, url=live_server.url, name="max")
    await page.goto(f"{live_server.url}/admin/knowledge/source/{source.pk}/change/")
    runs = page.get_by_role("region", name="Imports")
    await expect(runs).to_contain_text("Looking at what there is")
    await work(total=8, done=3, created=2, errors={"/fees": "The server answered 500."})
    await expect(runs).to_contain_text("3 of 8", timeout=15_000)
    await expect(runs.get_by_role("progressbar")).to_have_attribute("value", "3")
    await expect(runs).to_contain_text("/fees: The server answered 500.")
    await work(state=ImportRun.State.DONE, done=8, created=7, lease_until=None)
    await expect(runs).to_contain_text("7 created", timeout=15_000)
    await expect(runs.get_by_role("progressbar")).to_have_count(0)
    assert problems == []
    # Last: what axe itself puts into the page is refused by the policy, and reported.
    for scheme, width, height in VIEWS:
        await page.emulate_media(color_scheme=scheme)
        await page.set_viewport_size({"width": width, "height": height})
        assert await axe_violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
