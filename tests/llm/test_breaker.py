"""When the circuit breaker opens, probes and closes, by an injected clock."""

import pytest

from llm.breaker import FAILURES_TO_OPEN, OPEN_SECONDS, WINDOW_SECONDS, CircuitBreaker


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(clock=clock)


@pytest.fixture
def open_breaker(breaker: CircuitBreaker) -> CircuitBreaker:
    for _ in range(FAILURES_TO_OPEN):
        breaker.record_failure()
    return breaker


def test_stays_closed_when_failures_are_few(breaker: CircuitBreaker) -> None:
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.record_failure()
    assert breaker.allow()
    assert not breaker.is_open


def test_opens_when_failures_are_many(open_breaker: CircuitBreaker) -> None:
    assert open_breaker.is_open
    assert not open_breaker.allow()


def test_stays_closed_when_failures_are_spread(breaker: CircuitBreaker, clock: Clock) -> None:
    for _ in range(3 * FAILURES_TO_OPEN):
        breaker.record_failure()
        clock.now += WINDOW_SECONDS / (FAILURES_TO_OPEN - 1) + 0.1
    assert breaker.allow()


def test_stays_closed_when_a_success_came_between(breaker: CircuitBreaker) -> None:
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.record_failure()
    breaker.record_success()
    breaker.record_failure()
    assert breaker.allow()


def test_lets_one_probe_through_when_its_time_is_over(
    open_breaker: CircuitBreaker, clock: Clock
) -> None:
    clock.now += OPEN_SECONDS - 0.1
    assert not open_breaker.allow()
    clock.now += 0.1
    assert open_breaker.allow()
    assert not open_breaker.allow()


def test_closes_when_the_probe_succeeds(open_breaker: CircuitBreaker, clock: Clock) -> None:
    clock.now += OPEN_SECONDS
    assert open_breaker.allow()
    open_breaker.record_success()
    assert open_breaker.allow()
    open_breaker.record_failure()
    assert open_breaker.allow()


def test_opens_again_when_the_probe_fails(open_breaker: CircuitBreaker, clock: Clock) -> None:
    clock.now += OPEN_SECONDS
    assert open_breaker.allow()
    open_breaker.record_failure()
    clock.now += OPEN_SECONDS - 0.1
    assert not open_breaker.allow()
    clock.now += 0.1
    assert open_breaker.allow()


def test_probes_again_when_the_probe_never_reports(
    open_breaker: CircuitBreaker, clock: Clock
) -> None:
    clock.now += OPEN_SECONDS
    assert open_breaker.allow()
    clock.now += OPEN_SECONDS
    assert open_breaker.allow()
