"""The bodies the server sends: chunks, errors, verdicts and vectors, as OpenAI shapes them."""

import hashlib
import json
import math
import re
import time
from typing import Any

from tests.upstream.behaviours import Behaviour

ERRORS: dict[str, tuple[int, str, str, str]] = {
    "429": (429, "requests", "rate_limit_exceeded", "Rate limit reached."),
    "429_retry_after": (429, "requests", "rate_limit_exceeded", "Rate limit reached."),
    "500": (500, "server_error", "", "The server had an error: SECRET-BODY-TEXT"),
    "quota": (429, "insufficient_quota", "insufficient_quota", "You exceeded your quota."),
    "400": (400, "invalid_request_error", "", "Unknown parameter: SECRET-BODY-TEXT"),
    "401": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key: SECRET-BODY-TEXT"),
    "404": (404, "invalid_request_error", "model_not_found", "The model does not exist."),
    "context_length": (
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "This model's maximum context length is 8192 tokens.",
    ),
    "content_filter": (400, "invalid_request_error", "content_filter", "Filtered."),
}
MODERATION_CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
EMBEDDING_SIZE = 1536
# What a prompt asks, apart from the passages that it brings along.
QUESTION = re.compile(r"<question>\n(.*?)\n</question>", re.DOTALL)


def make_error(mode: str) -> tuple[int, dict[str, Any]]:
    """Return the status and the body of an error mode."""
    status, kind, code, message = ERRORS[mode]
    return status, {
        "error": {"message": message, "type": kind, "param": None, "code": code or None}
    }


def make_refusal(behaviour: Behaviour, *, body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the error for a parameter that this server does not take."""
    refused = next((name for name in behaviour.refuses if body.get(name)), None)
    if refused is None:
        return None
    message = "Bad request." if behaviour.is_silent else f"Unsupported parameter: '{refused}'."
    param = None if behaviour.is_silent else refused
    return {
        "error": {
            "message": message,
            "type": "invalid_request_error",
            "param": param,
            "code": None,
        }
    }


def make_chunk(
    model: str,
    *,
    delta: dict[str, Any],
    finish: str | None = None,
    logprob: float | None = None,
) -> dict[str, Any]:
    """Return one streamed chunk, its piece a token of this log-probability."""
    piece = delta.get("content", "")
    token = {"token": piece, "logprob": logprob, "bytes": None, "top_logprobs": []}
    logprobs = None if logprob is None else {"content": [token], "refusal": None}
    return {
        "id": "chatcmpl-local",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}],
        "usage": None,
    }


def make_usage_chunk(model: str, *, prompt: str, answer: str) -> dict[str, Any]:
    """Return the last chunk, which has the usage and no choice."""
    usage = make_usage(prompt=prompt, answer=answer)
    return {**make_chunk(model, delta={}), "choices": [], "usage": usage}


def make_usage(*, prompt: str, answer: str) -> dict[str, Any]:
    """Return token counts: a word is a token here."""
    counts = {"prompt_tokens": len(prompt.split()), "completion_tokens": len(answer.split())}
    details = {"cached_tokens": 1}
    return {**counts, "total_tokens": sum(counts.values()), "prompt_tokens_details": details}


def make_completion(model: str, *, prompt: str, answer: str) -> dict[str, Any]:
    """Return a whole completion, for requests that do not stream."""
    message = {"role": "assistant", "content": answer, "refusal": None}
    return {
        "id": "chatcmpl-local",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": make_usage(prompt=prompt, answer=answer),
    }


def make_moderation(model: str, *, texts: list[str], behaviour: Behaviour) -> dict[str, Any]:
    """Return a verdict for each text."""
    results = [_moderate(text, behaviour=behaviour) for text in texts]
    return {"id": "modr-local", "model": model, "results": results}


def _moderate(text: str, *, behaviour: Behaviour) -> dict[str, Any]:
    """Flag the named categories, where the behaviour names a text in that one alone."""
    is_meant = behaviour.contains is None or behaviour.contains in text
    flagged = behaviour.flagged if is_meant else ()
    return {
        "flagged": bool(flagged),
        "categories": {name: name in flagged for name in MODERATION_CATEGORIES},
        "category_scores": {name: float(name in flagged) for name in MODERATION_CATEGORIES},
        "category_applied_input_types": {name: ["text"] for name in MODERATION_CATEGORIES},
    }


def make_embeddings(model: str, *, texts: list[str], size: int = EMBEDDING_SIZE) -> dict[str, Any]:
    """Return a vector for each text: the same text gives the same one."""
    data = [
        {"object": "embedding", "index": index, "embedding": _embed(text, size=size)}
        for index, text in enumerate(texts)
    ]
    return {
        "object": "list",
        "data": data,
        "model": model,
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    }


def make_models() -> dict[str, Any]:
    """Return the list of models."""
    model = {"id": "local-model", "object": "model", "created": 0, "owned_by": "local"}
    return {"object": "list", "data": [model]}


def split_tokens(text: str, *, piece: int = 0) -> list[str]:
    """Cut a text into pieces of a length, or words with the space before; joined it is whole."""
    if piece:
        return [text[start : start + piece] for start in range(0, len(text), piece)]
    return re.findall(r"\s*\S+\s*$|\s*\S+", text)


def choose_reply(behaviour: Behaviour, *, body: dict[str, Any]) -> str:
    """Return what to answer with: JSON where its schema is asked for, the text otherwise."""
    text = choose_text(behaviour, messages=body["messages"])
    form = (body.get("response_format") or {}).get("json_schema")
    if form is None or behaviour.text is not None:
        return text
    blank = {"boolean": False, "string": "", "number": 0.9, "array": []}
    fields = form["schema"]["properties"]
    reply = {name: blank[field["type"]] for name, field in fields.items()}
    return json.dumps(reply | ({"answer": text} if "answer" in fields else {}))


def choose_text(behaviour: Behaviour, *, messages: list[dict[str, Any]]) -> str:
    """Return the text to answer with: the one asked for, or the prompt's best sentence."""
    if behaviour.text is not None:
        return behaviour.text
    asked = last_user_text(messages)
    question = set(re.findall(r"\w{4,}", asked.lower()))
    sentences = [
        sentence.strip()
        for message in messages
        # Of the instructions, nothing is ever an answer.
        if message["role"] != "system" and message["content"] != asked
        for sentence in re.split(r"(?<=[.!?])\s+|\n+", QUESTION.sub("", message["content"]))
        # A passage's number and headings, and what is asked in it, are no answer either.
        if sentence.strip() and not re.match(r"\[\d+\] ", sentence) and sentence[-1] != "?"
    ]
    return max(
        sentences,
        key=lambda sentence: len(question & set(re.findall(r"\w{4,}", sentence.lower()))),
        default="I have nothing to quote.",
    )


def last_user_text(messages: list[dict[str, Any]]) -> str:
    """Return the last thing the user said."""
    texts = [message["content"] for message in messages if message["role"] == "user"]
    asked = QUESTION.search(texts[-1]) if texts else None
    return asked[1] if asked else "".join(texts[-1:])


def encode_event(data: dict[str, Any]) -> bytes:
    """Return one server-sent event."""
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def _embed(text: str, *, size: int) -> list[float]:
    # As OpenAI's, of length 1.
    bits = hashlib.shake_256(text.encode()).digest(size)
    values = [(byte - 127.5) / 127.5 for byte in bits]
    length = math.hypot(*values)
    return [value / length for value in values]
