"""Three hundred answers that are written at the same time, by one worker."""

from itertools import islice

from benchmarks.bench import Bench, spending
from benchmarks.figures import Figures, percentile
from benchmarks.load import ask_at_once, close_all
from benchmarks.questions import questions
from benchmarks.systems.system import System
from benchmarks.upstream import Pace

STREAMS, PER_SECOND = 300, 20.0
# They begin one after the other, no faster than one core can begin turns, and the last one begins
# before the first has ended; a turn has 60 s.
SPREAD_SECONDS, STREAM_SECONDS = 50.0, 52.0
LONG = Pace(first_after=0.2, per_second=PER_SECOND, tokens=int(PER_SECOND * STREAM_SECONDS))


async def measure_streams(system: System, bench: Bench, *, seed: int) -> Figures:
    """Return the lost streams and the gaps between the pieces that a customer sees."""
    await bench.model.set_pace(LONG)
    count = STREAMS // 10 if bench.is_quick else STREAMS
    chats = await system.open_chats(count)
    asked = list(islice(questions(seed=seed + 200), count))
    with spending(system, bench.model) as spent:
        seen = await ask_at_once(chats, asked, spread=SPREAD_SECONDS)
    await close_all(chats)
    return {
        "streams": count,
        "lost": seen.lost + seen.unstamped,
        "gap p50": percentile(seen.gaps, 50) * 1000,
        "gap p95": percentile(seen.gaps, 95) * 1000,
        "gap p99": percentile(seen.gaps, 99) * 1000,
        "added p95": percentile(seen.added, 95) * 1000,
        "harness share": spent.harness_share,
        "tested core share": sum(spent.cpu.values()) / spent.seconds,
    }
