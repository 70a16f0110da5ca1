"""Makes the README's pictures from a running demo: ``python scripts/screenshots.py [URL]``."""

import asyncio
import os
import sys
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

OUT = Path(__file__).resolve().parent.parent / "docs" / "images"
FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUESTIONS = ("Which payment methods do you accept?", "Do gift cards expire?")


async def log_in(browser: Browser, url: str, name: str) -> Page:
    """Return a page of a member of staff."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    await page.goto(f"{url}/admin/login/?next=/admin/")
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("Password").fill(name)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url(f"{url}/admin/")
    return page


async def chat(browser: Browser, url: str) -> Page:
    """Ask the assistant, then for a person; return the customer's page."""
    page = await browser.new_page(viewport={"width": 1280, "height": 800})
    await page.goto(f"{url}/")
    await page.get_by_role("button", name="Open support chat").click()
    frame = page.frame_locator("iframe")
    for number, question in enumerate(QUESTIONS, start=1):
        box = frame.get_by_role("textbox", name="Message", exact=True)
        await box.fill(question)
        await box.press("Enter")
        await frame.get_by_role("button", name="Helpful", exact=True).nth(number - 1).wait_for()
    await page.wait_for_timeout(500)
    await page.screenshot(path=OUT / "widget.png")
    await frame.get_by_role("button", name="Talk to a person").click()
    await frame.get_by_text("passing you to a person").first.wait_for()
    return page


async def main(url: str) -> None:
    """Play a short story and picture each face."""
    OUT.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            chromium_sandbox=os.geteuid() != 0,
            args=FLAGS,
        )
        await chat(browser, url)
        agent = await log_in(browser, url, "agent")
        await agent.goto(f"{url}/admin/escalation/handoff/")
        await agent.wait_for_timeout(1000)
        await agent.screenshot(path=OUT / "queue.png")
        row = agent.get_by_role("row").filter(has_text="Asked for a person").first
        await row.get_by_role("link").first.click()
        await agent.get_by_role("button", name="Take", exact=True).click()
        await agent.get_by_role("textbox", name="Reply").fill("Hello, I'm happy to help.")
        await agent.wait_for_timeout(1000)
        await agent.screenshot(path=OUT / "conversation.png")
        manager = await log_in(browser, url, "manager")
        await manager.goto(f"{url}/admin/reports/")
        await manager.screenshot(path=OUT / "reports.png")
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"))
