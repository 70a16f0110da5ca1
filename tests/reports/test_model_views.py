"""Who sees models and money, and what the page says; its CSV is what the page counts."""

import csv
from decimal import Decimal
from io import StringIO

import pytest
from django.test import AsyncClient, Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from assistant.cache import ENGINE
from assistant.models import BudgetLimit, Spend, ToolCall, Turn
from conversations.models import Conversation, Site
from core.background import in_database_thread
from reports import exports
from reports.spans import Span, last_days
from tests.conftest import make_user
from tests.reports.conftest import Maker
from tests.reports.turns import QUOTED, STANDARD, Turns, book, used

ADDRESSES = tuple(
    f"/admin/reports/{name}" for name in ("models/", "models.csv", "spend.csv", "turns.csv")
)


def page(client: Client, **query: str) -> str:
    """The page's HTML, its whitespace as a reader sees it."""
    response = client.get(reverse("reports:models"), query)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


@pytest.mark.parametrize("address", ADDRESSES)
def test_stranger_must_log_in(site: Site, client: Client, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("address", ADDRESSES)
def test_agent_is_refused(agent: User, client: Client, address: str) -> None:
    client.force_login(agent)
    assert client.get(address).status_code == 403


@pytest.mark.parametrize("address", ADDRESSES)
def test_report_is_only_read(manager_client: Client, address: str) -> None:
    assert manager_client.post(address).status_code == 405


@pytest.mark.parametrize("address", ADDRESSES[1:])
def test_export_refuses_wrong_days(manager_client: Client, address: str) -> None:
    response = manager_client.get(address, {"from": "2020-01-03", "to": "2020-01-01"})
    assert response.status_code == 400


def test_page_says_so_when_nothing_happened(manager_client: Client) -> None:
    html = page(manager_client, **{"from": "2020-01-01", "to": "2020-01-03"})
    assert "The assistant did nothing on these days." in html
    assert '<svg class="report-chart' not in html


@pytest.mark.parametrize("key", ["", "sk-local"])
def test_empty_page_says_how_to_set_up_a_model_where_there_is_none(
    manager_client: Client, maker: Maker, settings: Settings, key: str
) -> None:
    settings.OPENAI_API_KEY = key
    maker.conversation(is_sample=True)
    html = page(manager_client, sample="include")
    assert "No model took part in the sample chats" in html
    assert ("No model is set up" in html) == (not key)
    assert "No model took part" not in page(manager_client, sample="exclude")


def test_each_part_says_so_when_it_has_nothing(manager_client: Client, maker: Maker) -> None:
    Turns(maker).turn(last_days(7).start, **QUOTED)
    html = page(manager_client)
    for words in (
        "No model was to be asked on these days.",
        "Nothing was withdrawn on these days.",
        "Nothing was spent on these days.",
        "No model was used on these days.",
        "Nobody asked for help on these days.",
        "No tool was called on these days.",
    ):
        assert words in html


def test_page_shows_the_figures_and_never_markup(
    manager_client: Client, maker: Maker, span: Span
) -> None:
    turns, at = Turns(maker), span.start
    reason = {"tier_reason": "<script>alert(1)</script>"}
    turns.ended(
        at, outcome="confirmed", **(STANDARD | reason), **used(2000, 100, 500, "0.0500"), seconds=3
    )
    turns.turn(at, engine=ENGINE, cached_answer=turns.kept(cost="0.0300"))
    book(maker.site, at, settled_usd=Decimal("1.5"), settled_tokens=9)
    Spend.objects.create(
        scope="total", scope_key="all", day=span.first, spent_usd=Decimal("1.5"), spent_tokens=9
    )
    BudgetLimit.objects.filter(scope="total").update(usd=Decimal(2), tokens=None)
    ToolCall.objects.create(
        conversation=maker.conversation(), tool="<b>x</b>", effect="read", state="done"
    )
    html = page(manager_client)
    for shown in (
        "$1.50",
        "$0.0500 of it for the turns below",
        "1 confirmed",
        "1 instead of asking a model, 1 asked",
        "Saved $0.0300",
        "$2.00 a day",
        "75%",
        "&lt;script&gt;alert(1)",
        "&lt;b&gt;x&lt;/b&gt;",
        '<desc id="spend-desc-wide">',
    ):
        assert shown in html, shown
    assert "<script>alert" not in html
    assert " style=" not in html


def test_saving_is_only_told_as_far_as_it_is_known(
    manager_client: Client, maker: Maker, span: Span
) -> None:
    turns = Turns(maker)
    turns.turn(span.start, engine=ENGINE)
    assert "What that saved is not known" in page(manager_client)
    turns.turn(span.start, engine=ENGINE, cached_answer=turns.kept(cost="0.0300"))
    assert "Saved at least $0.0300, unknown of 1" in page(manager_client)


def test_website_is_chosen_on_both_pages_and_kept_in_links(
    manager_client: Client, maker: Maker, span: Span
) -> None:
    assert "report-site" not in page(manager_client)
    other = Site.objects.create(key="other", name="Other Shop")
    Turns(maker).turn(span.start, **STANDARD)
    Turns(Maker(other)).turn(span.start, **QUOTED)
    mine = page(manager_client, site=maker.site.key)
    assert '<option value="shop" selected>Test Shop</option>' in mine
    assert "Standard tier" in mine
    assert "Articles quoted<" not in mine
    assert "turns.csv?from=" in mine
    assert "site=shop" in mine.split("turns.csv?")[1].split('"')[0]
    maker.episode(span.start)
    for key, count in (("shop", "1"), ("other", "0"), ("", "1")):
        html = manager_client.get(reverse("reports:index"), {"site": key}).content.decode()
        episodes = html.split("<dt>Episodes</dt>")[1].split("</dd>")[0]
        assert episodes.endswith(f">{count}")


@pytest.mark.parametrize("key", ["nobody", "shop\x00", "'"])
def test_unknown_website_is_told(manager_client: Client, key: str) -> None:
    assert "There is no such website." in page(manager_client, site=key)


async def download(name: str) -> list[dict[str, str]]:
    """Return the rows as a spreadsheet reads them, as a manager."""
    client = AsyncClient()
    await client.aforce_login(await in_database_thread(make_user)("mira", role="manager"))
    response = await client.get(reverse(f"reports:{name}"))
    assert response.status_code == 200
    text = b"".join([piece async for piece in response.streaming_content]).decode()
    assert text.startswith(exports.BYTE_ORDER_MARK)
    return list(csv.DictReader(StringIO(text.removeprefix(exports.BYTE_ORDER_MARK))))


@pytest.fixture
def few(transactional_db: None, site: Site) -> Maker:
    """A turn of the standard tier, one quoted, and what a day cost."""
    maker, span = Maker(site), last_days(14)
    turns = Turns(maker)
    turns.ended(
        span.start,
        outcome="confirmed",
        seconds=2.5,
        **(STANDARD | {"tier_reason": "=1+1"}),
        **used(1000, 100, 250, "0.012345"),
    )
    turns.turn(span.start, **QUOTED)
    # Still open: no export has it.
    Turn.objects.create(conversation=Conversation.objects.latest("pk"), from_seq=1, holder_epoch=0)
    Spend.objects.create(
        scope="total", scope_key="all", day=span.last, spent_usd=Decimal("0.5"), spent_tokens=7
    )
    return maker


async def test_table_is_exported_as_it_is_shown(few: Maker) -> None:
    standard, quoted = await download("models_csv")
    assert standard["label"] == "Standard tier"
    assert (standard["turns"], standard["confirmed"], standard["assumed"]) == ("1", "1", "0")
    assert (standard["cost"], standard["cost_per_confirmed"]) == ("0.012345", "0.012345")
    assert (standard["cached_share"], standard["half_within"]) == ("0.2500", "2.5000")
    assert (quoted["label"], quoted["cost"]) == ("Articles quoted", "0.000000")
    assert quoted["cost_per_confirmed"] == ""


async def test_days_are_exported_all(few: Maker) -> None:
    rows = await download("spend_csv")
    assert [row["day"] for row in rows] == [day.isoformat() for day in last_days(14).days]
    assert (rows[-1]["usd"], rows[-1]["tokens"], rows[0]["usd"]) == ("0.500000", "7", "0.000000")


async def test_turns_are_exported_page_by_page(few: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "PAGE", 1)
    rows = await download("turns_csv")
    assert [row["kind"] for row in rows] == ["standard", "quoted"]
    assert (rows[0]["tier_reason"], rows[0]["cost"]) == ("'=1+1", "0.012345")
    assert rows[1]["cost"] == ""
