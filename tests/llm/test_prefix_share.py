"""How much of a long conversation's prompts a provider's cache of prefixes spares."""

import pytest

from assistant.context import Material, Summary, build_context
from assistant.history import Said
from assistant.prompt_library import load_prompt
from llm import tokens
from llm.client import OpenAIEngine
from llm.engines import HAND_OFF_TOOL
from llm.types import SourcePassage, Tier, ToolSpec
from tests.llm.conftest import MakeRequest, collect, join_text
from tests.upstream.prefix_cache import PrefixCache, hit_share
from tests.upstream.server import UpstreamServer

TURNS = 20
MODEL = "gpt-4.1-mini"
ORDER_STATUS = ToolSpec(
    "order_status",
    "Look up the state of one of the customer's orders, with its carrier and expected day.",
    {
        "type": "object",
        "properties": {"order": {"type": "string", "description": "The order's number."}},
        "required": ["order"],
        "additionalProperties": False,
    },
)
TOPICS = ["boots", "canoes", "tents", "stoves", "lamps", "ropes", "packs", "maps", "sails", "oars"]


def passages(turn: int) -> tuple[SourcePassage, ...]:
    """What was found for a turn's question: other articles each time, of 900 characters each."""
    return tuple(
        SourcePassage(
            id=str(rank),
            title=f"Care of {TOPICS[(turn + rank) % 10]}",
            heading=f"Part {turn}",
            text=f"Step {turn}.{rank}: dry the {TOPICS[(turn * rank) % 10]} before you pack. " * 17,
            url="/articles",
            score=1 / rank,
        )
        for rank in range(1, 6)
    )


def words(topic: str, *, turn: int, sentences: int) -> str:
    return " ".join(
        f"For the {topic} of day {turn} it takes {part} steps, so look at the {topic} first."
        for part in range(sentences)
    )


class Talk:
    """A conversation as a turn sees it, with the summaries that the background would make."""

    def __init__(self, tier: Tier) -> None:
        self.tier = tier
        self.history: list[Said] = []
        self.summaries: list[Summary] = []

    def material(self, question: str, *, turn: int) -> Material:
        return Material(
            site_name="Acme Outdoors",
            prompt=load_prompt("answer", 2),
            question=question,
            passages=passages(turn),
            history=tuple(self.history),
            records={"Name": "Ann Example", "Plan": "pro"},
            summaries=tuple(self.summaries),
        )

    def add(self, question: str, answer: str, *, wants_summary: bool) -> None:
        for kind, text in (("customer", question), ("assistant", answer)):
            self.history.append(Said(len(self.history) + 1, kind, text))
        if wants_summary:
            text = f"Ann has asked {len(self.history)} things. " * 8
            self.summaries.append(Summary(len(self.history) - 3, text))


@pytest.mark.parametrize(("tier", "floor"), [("small", 0.28), ("standard", 0.45), ("strong", 0.5)])
async def test_cache_spares_much_of_a_conversation_of_twenty_turns(
    upstream: UpstreamServer,
    engine: OpenAIEngine,
    make_request: MakeRequest,
    tier: Tier,
    floor: float,
) -> None:
    tokens.forget_observations()
    talk = Talk(tier)
    for turn in range(1, TURNS + 1):
        topic = TOPICS[turn % 10]
        question = f"How do I care for my {topic} on day {turn}, and how long does that take?"
        context = build_context(
            talk.material(question, turn=turn), tier=tier, structured=False, model=MODEL
        )
        upstream.behave(text=words(topic, turn=turn, sentences=2 + turn % 4), count=1)
        request = make_request(
            messages=context.messages,
            tools=(HAND_OFF_TOOL, ORDER_STATUS),
            prompt_cache_key="shop:one",
        )
        answer = join_text(await collect(engine, request))
        talk.add(question, answer, wants_summary=context.wants_summary)
    assert talk.summaries or tier == "strong"
    bodies = [one["body"] for one in upstream.requests if one["kind"] == "chat"]
    assert len(bodies) == TURNS
    share = hit_share(bodies)
    assert share >= floor


def test_cache_counts_as_the_provider_says() -> None:
    cache = PrefixCache()
    body = {"messages": [{"role": "system", "content": "word " * 1_500}], "prompt_cache_key": "a"}
    total, cached = cache.count(body)
    assert cached == 0
    assert cache.count(body) == (total, total - (total - 1_024) % 128)
    assert cache.count({**body, "prompt_cache_key": "b"})[1] == 0
    assert cache.count({**body, "tools": [{"type": "function"}]})[1] == 0
    short = {"messages": [{"role": "user", "content": "word " * 900}]}
    assert [cache.count(short)[1] for _ in range(2)] == [0, 0]
