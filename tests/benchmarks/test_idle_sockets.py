"""What idle sockets take is watched for long enough."""

from benchmarks.measures.idle_sockets import SETTLE_SECONDS, WINDOW_SECONDS, WINDOWS
from benchmarks.running import MEASURE_SECONDS
from supportbot.settings import CELERY_BEAT_SCHEDULE

OPENING_SECONDS = 120.0


def test_each_window_holds_what_beat_has_done_every_minute() -> None:
    periods = [one["schedule"] for one in CELERY_BEAT_SCHEDULE.values()]
    often = [one for one in periods if isinstance(one, float) and one < 3600]
    assert often
    assert all(WINDOW_SECONDS % period == 0 for period in often)


def test_watching_has_the_time_it_needs() -> None:
    watched = 2 * WINDOWS * WINDOW_SECONDS + SETTLE_SECONDS + OPENING_SECONDS
    assert watched < MEASURE_SECONDS
