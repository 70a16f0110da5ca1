"""Rate limits, with and without Redis."""

import pytest

from core import limits
from core.errors import RateLimited


def test_token_bucket_when_empty_says_how_long_to_wait() -> None:
    now = [0.0]
    bucket = limits.TokenBucket(rate=2, burst=3, clock=lambda: now[0])
    assert [bucket.take() for _ in range(3)] == [0.0, 0.0, 0.0]
    assert bucket.take() == pytest.approx(0.5)
    now[0] = 0.5
    assert bucket.take() == 0.0


def test_check_rate_when_over_the_limit_raises_with_retry_after() -> None:
    for _ in range(3):
        limits.check_rate("test", "actor", limit=3, window_seconds=86_400)
    with pytest.raises(RateLimited) as caught:
        limits.check_rate("test", "actor", limit=3, window_seconds=86_400)
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 86_400
    limits.check_rate("test", "another actor", limit=3, window_seconds=86_400)


def test_check_rate_when_redis_is_gone_counts_in_this_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import redis

    gone = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.1)
    monkeypatch.setattr(limits, "_redis", lambda: gone)
    limits.check_rate("gone", "actor", limit=1, window_seconds=86_400)
    with pytest.raises(RateLimited):
        limits.check_rate("gone", "actor", limit=1, window_seconds=86_400)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("nonsense", "unknown"),
    ],
)
def test_network_of_counts_a_slash_64_as_one_visitor(address: str, expected: str) -> None:
    assert limits.network_of(address) == expected
