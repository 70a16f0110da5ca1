"""`make soak`: an hour of load, and whether anything still grows at its end."""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, linear_regression, stdev

from supportbot.embedded.postgres import POSTGRES_SETTINGS
from tests.chaos.arena import Arena
from tests.chaos.campaign import read_all, until_all_ended
from tests.chaos.course import Course, supervised
from tests.chaos.load import Load, Visitor
from tests.chaos.oracle import Findings, ends_of, judge
from tests.chaos.report import ENDS, commit_now
from tests.live.processes import ROOT

PAGE = ROOT / "docs" / "benchmarks" / "soak.md"
SAMPLE_SECONDS = 10.0
# Of residuals around the line; what grows less can't be told from them. Nor can memory be told to
# grow by less than a tenth of the mebibyte in which Python takes it from the system.
NOISE_DEVIATIONS = 2.0
LEAST_NOISE = 0.1
QUARTERS = 4
# At the end; or the second half of what is shorter than twice that.
JUDGED_SECONDS = 900.0
HEAD = """# Soak

Written by `make soak`, commit {commit}: {minutes:g} minutes, {conversations} conversations at
once, {rate:g} messages a second in all, a sample each {sample:g} s. A line was fitted through the
last {judged:g} minutes. Growth is how much it rises there, noise {deviations:g} standard deviations
of the samples around it, and {least:g} at least: what grows less than that is called level. A line
through each quarter tells whether growth slows down. There are two workers. PostgreSQL's shared
memory fills up to what it is given ({shared}) and is not judged.

Meanwhile {messages} messages were sent and {ends}; of the promises ({promises}) {broken} were
broken.

| what | at the start | at the end | growth in each quarter | at last | noise | |
|---|---|---|---|---|---|---|
"""
ROW = "| {name} | {first:.1f} | {last:.1f} | {quarters} | {growth:+.2f} | {noise:.2f} | {verdict} |"
Samples = Sequence[tuple[float, dict[str, float]]]
# What fills up to a limit of its own.
BOUNDED = "memory of PostgreSQL, shared (MB)"


@dataclass(frozen=True, slots=True)
class Trend:
    """How a measure went at last, in its own unit."""

    growth: float
    noise: float

    @property
    def is_level(self) -> bool:
        """Whether it can't be told from standing still."""
        return self.growth <= self.noise


def trend_of(times: Sequence[float], values: Sequence[float]) -> Trend:
    """Return the rise of a least-squares line over ``times`` (s), and the noise around it."""
    slope, start = linear_regression(times, values)
    rests = [value - start - slope * at for at, value in zip(times, values, strict=True)]
    noise = max(LEAST_NOISE, NOISE_DEVIATIONS * stdev(rests))
    return Trend(slope * (times[-1] - times[0]), noise)


def as_page(samples: Samples, **facts: object) -> tuple[str, bool]:
    """Return the report as Markdown, and whether all is level."""
    last = _last(samples)
    rows, is_level = [], True
    for name in samples[0][1]:
        trend = _trend(last, name)
        is_level = is_level and (trend.is_level or name == BOUNDED)
        rows.append(
            ROW.format(
                name=name,
                first=fmean(usage[name] for _, usage in samples[:3]),
                last=fmean(usage[name] for _, usage in samples[-3:]),
                quarters=_quarters(samples, name),
                growth=trend.growth,
                noise=trend.noise,
                verdict=_verdict(name, trend),
            )
        )
    head = HEAD.format(
        sample=SAMPLE_SECONDS,
        judged=round((last[-1][0] - last[0][0] + SAMPLE_SECONDS) / 60),
        deviations=NOISE_DEVIATIONS,
        least=LEAST_NOISE,
        **facts,
    )
    return head + "\n".join(rows) + "\n", is_level


def _last(samples: Samples) -> Samples:
    end = samples[-1][0]
    return [one for one in samples if one[0] >= max(end / 2, end - JUDGED_SECONDS)]


def _verdict(name: str, trend: Trend) -> str:
    if name == BOUNDED:
        return "bounded"
    return "level" if trend.is_level else "grows"


def _trend(samples: Samples, name: str) -> Trend:
    return trend_of([at for at, _ in samples], [usage[name] for _, usage in samples])


def _quarters(samples: Samples, name: str) -> str:
    size = len(samples) // QUARTERS
    parts = [samples[number * size : (number + 1) * size] for number in range(QUARTERS)]
    return " ".join(f"{_trend(part, name).growth:+.2f}" for part in parts)


@dataclass(slots=True)
class Said:
    """What customers said in all that time, and what became of it."""

    messages: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    findings: Findings = field(default_factory=Findings)

    async def take(self, arena: Arena, visitors: Sequence[Visitor]) -> None:
        """Judge those who will say no more."""
        stored = await read_all(arena, visitors)
        found = judge([(one.conversation, one.journal) for one in visitors], stored)
        for kind in Findings.__slots__:
            getattr(self.findings, kind).extend(getattr(found, kind))
        self.messages += sum(len(one.journal.sent) for one in visitors)
        self.ends.update(ends_of(stored.values()))


async def _soak(folder: Path, asked: argparse.Namespace) -> tuple[Samples, Said]:
    samples: list[tuple[float, dict[str, float]]] = []
    said, course = Said(), Course()
    async with Arena(folder) as arena:
        load = Load(
            [arena.url], conversations=asked.conversations, per_second=asked.rate, seed=asked.seed
        )
        async with load, supervised(arena, course):
            start = time.monotonic()
            while time.monotonic() - start < asked.minutes * 60:
                await asyncio.sleep(SAMPLE_SECONDS)
                usage = await asyncio.to_thread(arena.usage)
                samples.append((time.monotonic() - start, usage))
                await said.take(arena, load.forget_left())
            await load.stop_asking()
            await until_all_ended(arena, load.visitors)
            await said.take(arena, load.visitors)
    said.findings.died += course.died
    return samples, said


def main() -> int:
    """Run what the command line asks for; 1 where something still grows or was broken."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--conversations", type=int, default=50)
    parser.add_argument("--rate", type=float, default=3.0, help="messages a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write the page of the docs")
    asked, commit = parser.parse_args(), commit_now()
    with tempfile.TemporaryDirectory(prefix="supportbot-soak-") as folder:
        samples, said = asyncio.run(_soak(Path(folder), asked))
    page, is_level = as_page(
        samples,
        commit=commit,
        minutes=asked.minutes,
        conversations=asked.conversations,
        rate=asked.rate,
        shared=POSTGRES_SETTINGS["shared_buffers"],
        messages=said.messages,
        ends=", ".join(f"{said.ends[name]} turns {name.replace('_', ' ')}" for name in ENDS),
        promises=", ".join(said.findings.counts),
        broken=sum(said.findings.counts.values()),
    )
    print(page)  # noqa: T201 - its output is what it is for
    if asked.write:
        PAGE.write_text(page, encoding="utf-8")
    return 0 if is_level and said.findings.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
