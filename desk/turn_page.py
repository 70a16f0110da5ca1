"""What the page of one turn shows, read from its row and its record; old records have less."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet
from django.utils.safestring import SafeString

from assistant.confidence import threshold_of
from assistant.models import HelperRun, ToolCall, Turn, TurnRecord
from conversations.models import Message
from desk.console import html_of, safe_url
from desk.turn_making import COST, Fact, making_facts
from desk.turn_sentence import Grounds, decision_sentence
from escalation.models import HandOff

LONGEST_BAR = 100
SHOWN_TRIALS = 10


@dataclass(frozen=True, slots=True)
class PassageRow:
    """A passage that was found."""

    title: str
    heading: str
    url: str
    score: str
    lexical: str
    cosine: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A step's time; ``length`` in hundredths of the longest."""

    name: str
    ms: str
    length: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row of plain cells."""

    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TurnPage:
    """A turn, ready to be drawn."""

    turn: Turn
    sentence: str
    has_record: bool
    asked: str
    looked_up: str
    answer: SafeString
    is_helpful: bool | None
    facts: list[Fact]
    verdicts: list[Fact]
    passages: list[PassageRow]
    was_sent: bool
    sent: list[Row]
    received: str
    tools: list[Row]
    bars: list[Bar]
    attempts: list[Row]
    context: list[Row]
    notes: list[str]
    trials: list[HelperRun]


def read_turn_page(turn: Turn) -> TurnPage:
    """Return the page of a turn with its conversation, site, message and cached answer loaded."""
    record = TurnRecord.objects.filter(turn=turn).first()
    data: dict[str, Any] = record.data if record and isinstance(record.data, dict) else {}
    passages = [_passage(one) for one in _rows(data, "passages")]
    return TurnPage(
        turn=turn,
        sentence=decision_sentence(turn, grounds=_grounds(turn, data, passages), data=_told(turn)),
        has_record=bool(data),
        asked=_text(data, "question") or asked_in(turn),
        looked_up=_text(data, "looked_up"),
        answer=html_of(turn.conversation, turn.message) if turn.message else SafeString(),
        is_helpful=turn.message.helpful if turn.message else None,
        facts=making_facts(turn, since=_word(_dict(data, "given_again"), "since")),
        verdicts=_verdicts(turn, data),
        passages=passages,
        was_sent=_was_sent(turn, data),
        sent=[_cells(one, "role", "content") for one in _rows(data, "sent")],
        received=_received(data),
        tools=_tools(turn),
        bars=_bars(_rows(data, "steps")),
        attempts=[_cells(one, "engine", "model", "error", "ms") for one in _rows(data, "attempts")],
        context=_context(data),
        notes=_notes(data),
        trials=list(_trials(turn)),
    )


def without_secrets(page: TurnPage) -> TurnPage:
    """Return what agents see of it: not what it cost, and not the words of the policy."""
    return replace(
        page,
        facts=[fact for fact in page.facts if fact.label != COST],
        sent=[row for row in page.sent if row.cells[0] != "system"],
    )


def _grounds(turn: Turn, data: Mapping[str, Any], passages: Sequence[PassageRow]) -> Grounds:
    kept = data.get("threshold")
    is_kept = isinstance(kept, int | float)
    cited = turn.message.citations if turn.message else []
    source = str(cited[0].get("title", "")) if cited else ""
    return Grounds(
        threshold=float(kept)
        if isinstance(kept, int | float)
        else threshold_of(turn.conversation.site, topic=turn.topic),
        is_threshold_of_today=not is_kept,
        source=source or (passages[0].title if passages else ""),
        by_tool=data.get("by_tool") is True,
        asks=data.get("asks") is True,
        card=_card(turn),
    )


def _received(data: Mapping[str, Any]) -> str:
    """Return what the model wrote and called, reply by reply."""
    replies = data.get("received")
    return "\n\n".join(map(_plain, replies)) if isinstance(replies, list) else _plain(replies)


def _card(turn: Turn) -> str:
    """Return what the customer was asked to confirm."""
    shown = turn.tool_calls.filter(message__isnull=False).values_list("card", flat=True).first()
    return str(shown.get("title", "")) if isinstance(shown, dict) else ""


def _told(turn: Turn) -> dict[str, Any]:
    """Return what the people who got the conversation were told beside the reason."""
    if turn.outcome != Turn.Outcome.HANDED_OFF or turn.finished_at is None:
        return {}
    near = HandOff.objects.filter(
        conversation=turn.conversation, reason=turn.hand_off_reason, created_at__gte=turn.created_at
    )
    hand_off = near.order_by("created_at").first()
    label = hand_off.get_reason_display() if hand_off else ""
    return {"detail": hand_off.detail} if hand_off and hand_off.detail != label else {}


def asked_in(turn: Turn) -> str:
    """Return the customer's words that a turn is about."""
    last = turn.through_seq or turn.from_seq
    said = Message.objects.filter(
        conversation=turn.conversation,
        author_kind=Message.Author.CUSTOMER,
        seq__gte=turn.from_seq,
        seq__lte=last,
    )
    return "\n".join(said.order_by("seq").values_list("text", flat=True))


def _verdicts(turn: Turn, data: Mapping[str, Any]) -> list[Fact]:
    facts = [
        Fact("Confidence", _share(turn.confidence), _features(turn)),
        Fact("The model's own confidence", _share(turn.self_confidence)),
        Fact("Covered by its sources", _share(turn.groundedness), "of the answer's words"),
        Fact("Mean log-probability", _figure(turn.mean_logprob)),
        *_own_verdict(_dict(data, "verdict")),
        *_moderation(_dict(data, "moderation")),
        *(
            Fact("Stopped by a guard", _word(one, "kind"), _word(one, "detail"))
            for one in _rows(data, "guard")
        ),
    ]
    return [fact for fact in facts if fact.value]


def _features(turn: Turn) -> str:
    features = turn.features if isinstance(turn.features, dict) else {}
    telling = [(name, value) for name, value in sorted(features.items()) if value]
    return ", ".join(f"{name} {_figure(value)}" for name, value in telling)


def _own_verdict(verdict: Mapping[str, Any]) -> list[Fact]:
    if not verdict:
        return []
    wants = "yes" if verdict.get("needs_human") else "no"
    why = " ".join(filter(None, (_word(verdict, "reason"), _word(verdict, "detail"))))
    cited = verdict.get("citations")
    names = ", ".join(map(str, cited)) if isinstance(cited, list) else ""
    return [
        Fact("The model asked for a person", wants, why),
        Fact("The model cited", names),
        Fact("The model wrote in", _word(verdict, "language")),
    ]


def _moderation(moderation: Mapping[str, Any]) -> list[Fact]:
    if not moderation:
        return []
    categories = moderation.get("categories")
    names = ", ".join(map(str, categories)) if isinstance(categories, list) else ""
    return [Fact("Moderation", "flagged" if moderation.get("flagged") else "not flagged", names)]


def _tools(turn: Turn) -> list[Row]:
    return [_call(one) for one in turn.tool_calls.order_by("pk")]


def _call(call: ToolCall) -> Row:
    code = "" if call.error_code == call.state else call.error_code
    outcome = " ".join(filter(None, (call.get_state_display(), code, call.result)))
    arguments = ", ".join(f"{name}: {value}" for name, value in call.arguments.items())
    return Row((call.tool, arguments, outcome, _figure(call.duration_ms)))


def _bars(steps: Sequence[Mapping[str, Any]]) -> list[Bar]:
    times = [(_word(one, "name"), one.get("ms")) for one in steps]
    known = [(name, float(ms)) for name, ms in times if isinstance(ms, int | float)]
    longest = max((ms for _, ms in known), default=0.0)
    return [
        Bar(name, f"{ms:,.0f}" if ms >= 10 else f"{ms:.1f}", _length(ms, longest))
        for name, ms in known
    ]


def _length(ms: float, longest: float) -> int:
    # A step that took no time at all is still to be seen.
    return max(1, round(LONGEST_BAR * ms / longest)) if longest > 0 else 0


def _was_sent(turn: Turn, data: Mapping[str, Any]) -> bool:
    """Whether a model was asked: a prompt is put together for the engine that quotes, too."""
    tried = {_word(one, "engine") for one in _rows(data, "attempts")} - {"", "extractive"}
    return bool(turn.model or tried)


def _context(data: Mapping[str, Any]) -> list[Row]:
    context = _dict(data, "context")
    shares, left_out = _dict(context, "shares"), _dict(context, "left_out")
    names = [*shares, *(name for name in left_out if name not in shares)]
    rows = [Row((name, _plain(shares.get(name)), _plain(left_out.get(name)))) for name in names]
    total = _plain(context.get("tokens"))
    return [*rows, Row(("all", total, ""))] if total else rows


def _notes(data: Mapping[str, Any]) -> list[str]:
    """Return what else was noted: signals, how the budget stood."""
    signals = data.get("signals")
    notes = [str(one) for one in signals] if isinstance(signals, list) else []
    budget = _dict(data, "budget")
    if budget:
        parts = [f"{name} {_plain(value)}" for name, value in budget.items() if _plain(value)]
        notes.append(f"Budget: {', '.join(parts)}")
    dropped = data.get("citations_dropped")
    if isinstance(dropped, int) and dropped:
        notes.append(f"Citations of passages that were not offered: {dropped}, dropped")
    return notes


def _trials(turn: Turn) -> QuerySet[HelperRun]:
    runs = HelperRun.objects.filter(
        kind=HelperRun.Kind.PROMPT_TRIAL, conversation=turn.conversation, input__turn=turn.pk
    )
    return runs.select_related("requested_by").order_by("-created_at")[:SHOWN_TRIALS]


def _passage(one: Mapping[str, Any]) -> PassageRow:
    return PassageRow(
        title=_word(one, "title"),
        heading=_word(one, "heading"),
        url=safe_url(_word(one, "url")),
        score=_figure(one.get("score")),
        lexical=_figure(one.get("lexical")),
        cosine=_figure(one.get("cosine")),
    )


def _rows(data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = data.get(name)
    return [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []


def _dict(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""


def _cells(one: Mapping[str, Any], *names: str) -> Row:
    return Row(tuple(_plain(one.get(name)) for name in names))


def _word(one: Mapping[str, Any], name: str) -> str:
    return _plain(one.get(name))


def _plain(value: object) -> str:
    """Return a JSON value as a reader wants it: nothing for nothing, pairs on one line."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_plain(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _figure(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else _plain(value)
