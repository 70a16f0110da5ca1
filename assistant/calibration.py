"""Which calibration a site uses, and the click that changes it; fitting is in ``refitting``."""

from dataclasses import dataclass
from math import isclose
from time import monotonic

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from assistant.fitting import RiskPoint
from assistant.models import Calibration
from conversations.models import Site
from core.errors import NotFound

CACHE_SECONDS = 5.0
State = Calibration.State


@dataclass(frozen=True, slots=True)
class _Kept:
    calibration: Calibration | None
    until: float


_kept: dict[int, _Kept] = {}


def active_calibration(site_id: int) -> Calibration | None:
    """Return the calibration that a site uses; ``None`` where it uses the shipped weights.

    Kept for ``CACHE_SECONDS`` in this process: other processes follow a click that late.
    """
    kept = _kept.get(site_id)
    if kept is None or kept.until < monotonic():
        found = Calibration.objects.filter(site_id=site_id, state=State.ACTIVE).first()
        kept = _Kept(found, monotonic() + CACHE_SECONDS)
        _kept[site_id] = kept
    return kept.calibration


def calibrated_threshold(
    calibration: Calibration, *, target: float, topic: str = ""
) -> float | None:
    """Return the threshold of a topic, or that of all others; ``None`` where none keeps to it.

    For another ``target`` than the calibration's own it is read off the kept curves.
    """
    if isclose(target, calibration.curves["target"]):
        found = calibration.thresholds.get(topic, calibration.thresholds.get(""))
        return None if found is None else float(found)
    of_topic = calibration.curves["topics"].get(topic)
    points = of_topic["points"] if of_topic else calibration.curves["after"]["points"]
    fits = [point.threshold for point in read_points(points) if point.risk <= target]
    return min(fits, default=None)


def read_points(rows: list[list[float]]) -> list[RiskPoint]:
    """Return a kept curve's points."""
    return [RiskPoint(*row) for row in rows]


@transaction.atomic
def activate_calibration(pk: int, *, by: User) -> Calibration:
    """Let a site use a calibration and its target from now on, and retire the one before.

    Harmless when it is used already.
    """
    found = Calibration.objects.filter(pk=pk).first()
    if found is None:
        raise NotFound
    _lock_site(found.site_id)
    calibration = Calibration.objects.get(pk=pk)
    if calibration.state == State.ACTIVE:
        return calibration
    _retire(calibration.site_id)
    calibration.state = State.ACTIVE
    calibration.activated_at = timezone.now()
    calibration.activated_by = by
    calibration.save(update_fields=["state", "activated_at", "activated_by"])
    # Its thresholds were shown for this target.
    Site.objects.filter(pk=calibration.site_id).update(
        wrong_answer_target=calibration.curves["target"]
    )
    _forget()
    return calibration


@transaction.atomic
def return_to_shipped(site_id: int) -> bool:
    """Let a site use the shipped weights again; return whether it used others."""
    _lock_site(site_id)
    has_used_another = _retire(site_id)
    _forget()
    return has_used_another


def _lock_site(site_id: int) -> None:
    """Order two managers' clicks, so that neither fails."""
    Site.objects.select_for_update().get(pk=site_id)


def _retire(site_id: int) -> bool:
    active = Calibration.objects.filter(site_id=site_id, state=State.ACTIVE)
    return bool(active.update(state=State.RETIRED))


def _forget() -> None:
    """Read anew from now on, and once more past the commit: others may read in between."""
    _kept.clear()
    transaction.on_commit(_kept.clear)
