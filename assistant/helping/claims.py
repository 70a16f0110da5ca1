"""Who works on a request for help, and how it ends: conditional updates, then a hint."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from assistant.helping.outcomes import Outcome
from assistant.models import HelperRun
from core.realtime import publish_on_commit, staff_group

State = HelperRun.State
DEADLINE_SECONDS = 30
# A worker ends what is late itself; past this it is dead, or nobody took the request up.
STALE_SECONDS = 40
UNTAKEN_SECONDS = 60
BATCH = 100


@dataclass(frozen=True, slots=True)
class HelpClaim:
    """One worker's right to one attempt; void once the run has another state or attempt."""

    run_pk: int
    attempt: int


def claim_run(run_pk: int) -> HelpClaim | None:
    """Claim a queued run; ``None`` drops a duplicate."""
    claimed = HelperRun.objects.filter(pk=run_pk, state=State.QUEUED).update(
        state=State.RUNNING, attempt=F("attempt") + 1, started_at=Now()
    )
    if not claimed:
        return None
    attempt = HelperRun.objects.values_list("attempt", flat=True).get(pk=run_pk)
    return HelpClaim(run_pk, attempt)


def finish_run(claim: HelpClaim, outcome: Outcome) -> bool:
    """Store what it came to and tell whoever asked; false where the claim was lost."""
    made = outcome.made
    finished = _mine(claim).update(
        state=State.DONE,
        output=outcome.output,
        engine=made.engine,
        model=made.model,
        prompt_version=made.prompt_version,
        prompt_tokens=made.prompt_tokens,
        completion_tokens=made.completion_tokens,
        cost=made.cost,
        finished_at=Now(),
    )
    return _tell(claim.run_pk) if finished else False


def fail_run(claim: HelpClaim, *, code: str) -> bool:
    """End the run with an error's code and tell whoever asked; false where the claim was lost."""
    failed = _mine(claim).update(state=State.FAILED, error_code=code[:50], finished_at=Now())
    return _tell(claim.run_pk) if failed else False


def fail_stale() -> int:
    """End what nobody took up and what a dead worker left; return how many there were."""
    late = Q(state=State.RUNNING, started_at__lt=Now() - timedelta(seconds=STALE_SECONDS))
    untaken = Q(state=State.QUEUED, created_at__lt=Now() - timedelta(seconds=UNTAKEN_SECONDS))
    return _fail_each(HelperRun.objects.filter(late), code="deadline") + _fail_each(
        HelperRun.objects.filter(untaken), code="not_started"
    )


def queued_runs(*, limit: int) -> list[int]:
    """Return the oldest requests that wait, but for those whose task is only just under way."""
    waiting = HelperRun.objects.filter(
        state=State.QUEUED, created_at__lt=Now() - timedelta(seconds=2)
    )
    return list(waiting.order_by("created_at").values_list("pk", flat=True)[:limit])


def _mine(claim: HelpClaim) -> QuerySet[HelperRun]:
    return HelperRun.objects.filter(pk=claim.run_pk, attempt=claim.attempt, state=State.RUNNING)


def _fail_each(stale: QuerySet[HelperRun], *, code: str) -> int:
    pks = list(stale.order_by("created_at").values_list("pk", flat=True)[:BATCH])
    # The condition again in each update: it may have ended by now.
    failed = [
        pk
        for pk in pks
        if stale.filter(pk=pk).update(state=State.FAILED, error_code=code, finished_at=Now())
    ]
    return sum(map(_tell, failed))


def _tell(run_pk: int) -> bool:
    run = HelperRun.objects.select_related("conversation").get(pk=run_pk)
    hint = {
        "type": "helper.changed",
        "helper": str(run.public_id),
        "conversation": str(run.conversation.public_id) if run.conversation else "",
        "kind": run.kind,
        "state": run.state,
    }
    publish_on_commit(staff_group(run.requested_by_id), hint)
    return True
