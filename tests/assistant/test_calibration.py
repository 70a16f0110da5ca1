"""A refit proposes, a click decides: nothing else changes what a site uses."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from assistant import calibration as calibrations
from assistant.calibration import (
    activate_calibration,
    active_calibration,
    calibrated_threshold,
    return_to_shipped,
)
from assistant.models import Calibration
from assistant.reference import KnownSample, read_line, shipped_line, shipped_samples
from assistant.refitting import (
    MIN_VERDICTS,
    TargetOutOfReach,
    TooFewVerdicts,
    gather_samples,
    line_in_use,
    propose_calibration,
)
from assistant.verdicts import Kind, Verdict
from conversations.models import Site
from core.errors import NotFound
from tests.assistant.calibrating import (
    NAMES,
    answer,
    answer_many,
    forget_shipped,
    ship,
)
from tests.conftest import make_user

pytestmark = pytest.mark.django_db
State = Calibration.State


@pytest.fixture(autouse=True)
def _shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    ship(tmp_path, monkeypatch)
    yield
    forget_shipped()


@pytest.fixture
def manager(site: Site) -> User:
    return make_user("mira", role="manager")


def kept(site: Site, **values: object) -> Calibration:
    points = [[0.9, 0.2, 0.0], [0.6, 0.5, 0.04], [0.3, 0.9, 0.12]]
    defaults = {
        "samples": 60,
        "weights": {"intercept": -1.0, "weights": {"fused": 2.0, "margin": 2.0}},
        "thresholds": {"": 0.6, "returns": 0.8},
        "curves": {
            "target": 0.05,
            "after": {"points": points},
            "topics": {"returns": {"points": [[0.8, 0.5, 0.05], [0.4, 0.8, 0.1]]}},
        },
    }
    return Calibration.objects.create(site=site, **(defaults | values))


def test_proposal_changes_nothing_when_nobody_uses_it(site: Site) -> None:
    answer_many(site)
    proposal = propose_calibration(site, target=0.2)
    assert proposal.state == State.PROPOSED
    assert active_calibration(site.pk) is None
    assert line_in_use(site.pk) == shipped_line()


def test_proposal_follows_the_verdicts_when_they_differ_from_the_shipped_weights(
    site: Site,
) -> None:
    answer_many(site, count=120)
    proposal = propose_calibration(site, target=0.2)
    weights = read_line(proposal.weights).weights
    assert weights["margin"] > shipped_line().weights["margin"] + 0.5
    before, after = proposal.curves["before"], proposal.curves["after"]
    assert after["auroc"] > before["auroc"]
    assert after["risk"] <= 0.2
    assert before["threshold"] == 0.7
    low, high = after["risk_interval"]
    assert low <= after["risk"] <= high


def test_proposal_counts_confirmed_and_assumed_verdicts_apart(site: Site) -> None:
    answer_many(site)
    proposal = propose_calibration(site, target=0.2)
    rows = {row["kind"]: row for row in proposal.curves["verdicts"]}
    assert rows["thumb_up"]["count"] + rows["thumb_down"]["count"] == 80 == proposal.samples
    assert rows["thumb_up"]["is_confirmed"]
    assert not rows["rated_low"]["is_confirmed"]
    assert rows["rated_low"]["count"] == 0


def test_proposal_has_a_threshold_of_its_own_when_a_topic_has_verdicts_enough(site: Site) -> None:
    answer_many(site, count=60, topic="returns")
    answer_many(site, count=20, topic="shipping", seed=9)
    proposal = propose_calibration(site, target=0.25)
    assert set(proposal.thresholds) == {"", "returns"}
    assert proposal.curves["topics"]["returns"]["verdicts"] == 60
    assert proposal.curves["topics"]["returns"]["risk"] <= 0.25


def test_proposal_is_refused_when_verdicts_are_few_or_of_one_kind(site: Site) -> None:
    answer_many(site, count=MIN_VERDICTS - 1)
    with pytest.raises(TooFewVerdicts, match="There are 49 verdicts"):
        propose_calibration(site)
    other = Site.objects.create(key="other", name="Other")
    for _ in range(MIN_VERDICTS):
        answer(other, helpful=True)
    with pytest.raises(TooFewVerdicts, match="0 wrong"):
        propose_calibration(other)
    assert not Calibration.objects.exists()


def test_proposal_leaves_out_answers_when_they_lack_a_feature(site: Site) -> None:
    answer_many(site, count=MIN_VERDICTS - 1)
    answer(site, features={"fused": 0.5}, helpful=True)
    with pytest.raises(TooFewVerdicts):
        propose_calibration(site)


def test_proposal_is_refused_when_no_threshold_keeps_to_the_target(site: Site) -> None:
    for number in range(60):
        answer(site, features={"fused": 1.0, "margin": 1.0}, helpful=number % 2 == 0)
    with pytest.raises(TargetOutOfReach, match="No threshold keeps"):
        propose_calibration(site, target=0.001)


def test_samples_have_the_assumed_share_when_few_are_out_of_scope() -> None:
    verdicts = [Verdict(Kind.THUMB_UP, dict.fromkeys(NAMES, 0.9), "", n) for n in range(97)]
    known = [KnownSample(dict.fromkeys(NAMES, 0.1), False, True) for _ in range(3)]
    samples = gather_samples(verdicts, known=known, names=NAMES, out_of_scope=0.18)
    outside = samples.weights[samples.out_of_scope].sum() / samples.weights.sum()
    assert outside == pytest.approx(0.18)
    assert samples.features.shape == (100, 2)


def test_samples_keep_a_conversation_in_one_fold() -> None:
    features = dict.fromkeys(NAMES, 0.9)
    verdicts = [Verdict(Kind.THUMB_UP, features, "", pk) for pk in (7, 7, 8, 12)]
    samples = gather_samples(verdicts, known=(), names=NAMES, out_of_scope=0.15)
    assert samples.folds[0] == samples.folds[1] != samples.folds[2]


def test_shipped_questions_weigh_no_more_than_their_worth() -> None:
    known = [KnownSample(dict.fromkeys(NAMES, 0.5), True, False) for _ in range(500)]
    samples = gather_samples((), known=known, names=NAMES, out_of_scope=0.15)
    assert samples.weights.sum() == pytest.approx(50.0)
    assert len(shipped_samples()) == 80


def test_higher_share_out_of_scope_raises_the_threshold(site: Site) -> None:
    answer_many(site, count=150)
    low = propose_calibration(site, target=0.2, out_of_scope=0.03).thresholds[""]
    high = propose_calibration(site, target=0.2, out_of_scope=0.4).thresholds[""]
    assert high > low


def test_activation_retires_the_one_before_and_notes_who(site: Site, manager: User) -> None:
    first, second = kept(site), kept(site)
    activate_calibration(first.pk, by=manager)
    assert active_calibration(site.pk) == first
    activate_calibration(second.pk, by=manager)
    first.refresh_from_db()
    used = active_calibration(site.pk)
    assert used == second
    assert first.state == State.RETIRED
    assert used.activated_by == manager
    assert used.activated_at is not None
    assert np.isclose(line_in_use(site.pk).weights["fused"], 2.0)


def test_activation_sets_the_target_that_the_thresholds_were_shown_for(
    site: Site, manager: User
) -> None:
    calibration = kept(site)
    calibration.curves["target"] = 0.08
    calibration.save()
    activate_calibration(calibration.pk, by=manager)
    site.refresh_from_db()
    assert site.wrong_answer_target == 0.08


def test_line_in_use_is_the_shipped_one_when_the_features_have_changed(site: Site) -> None:
    kept(site, state=State.ACTIVE, weights={"intercept": 0.0, "weights": {"older": 1.0}})
    assert line_in_use(site.pk) == shipped_line()


def test_line_in_use_has_the_shipped_order_when_the_database_has_another(site: Site) -> None:
    weights = {"intercept": 0.0, "weights": {"fused": 2.0, "margin": 1.0}}
    kept(site, state=State.ACTIVE, weights=weights)
    assert line_in_use(site.pk).names == NAMES
    assert line_in_use(site.pk).line.weights.tolist() == [1.0, 2.0]


def test_activation_is_harmless_when_it_is_used_already(site: Site, manager: User) -> None:
    calibration = kept(site)
    since = activate_calibration(calibration.pk, by=manager).activated_at
    assert activate_calibration(calibration.pk, by=manager).activated_at == since


def test_activation_leaves_other_sites_alone(site: Site, manager: User) -> None:
    other = kept(Site.objects.create(key="other", name="Other"), state=State.ACTIVE)
    activate_calibration(kept(site).pk, by=manager)
    assert active_calibration(other.site_id) == other


def test_activation_of_an_unknown_one_is_not_found(manager: User) -> None:
    with pytest.raises(NotFound):
        activate_calibration(0, by=manager)


def test_shipped_weights_count_again_when_asked_for(site: Site, manager: User) -> None:
    activate_calibration(kept(site).pk, by=manager)
    assert return_to_shipped(site.pk)
    assert active_calibration(site.pk) is None
    assert not return_to_shipped(site.pk)


def test_active_calibration_is_read_once_within_the_cache_time(
    site: Site,
    django_assert_num_queries: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1_000.0
    monkeypatch.setattr(calibrations, "monotonic", lambda: now)
    assert active_calibration(site.pk) is None
    row = kept(site, state=State.ACTIVE)
    with django_assert_num_queries(0):
        assert active_calibration(site.pk) is None
    now += calibrations.CACHE_SECONDS + 0.1
    assert active_calibration(site.pk) == row


@pytest.mark.parametrize(
    ("target", "topic", "expected"),
    [
        (0.05, "", 0.6),
        (0.05, "returns", 0.8),
        (0.05, "gifts", 0.6),
        (0.12, "", 0.3),
        (0.12, "returns", 0.4),
        (0.01, "", 0.9),
        (0.01, "returns", None),
    ],
)
def test_threshold_follows_topic_and_target(
    site: Site, target: float, topic: str, expected: float | None
) -> None:
    assert calibrated_threshold(kept(site), target=target, topic=topic) == expected


def test_command_prints_the_comparison_and_activates_nothing(site: Site) -> None:
    answer_many(site)
    out = StringIO()
    call_command("calibrate", site.key, "--target", "0.2", "--out-of-scope", "0.2", stdout=out)
    text = out.getvalue()
    assert "Target 20.0% wrong, 20% out of scope." in text
    assert "Before: threshold" in text
    assert "After: threshold" in text
    assert Calibration.objects.get().state == State.PROPOSED


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "there is no site nowhere"),
        (["shop"], "There are 0 verdicts"),
        (["shop", "--target", "5"], "5 is no share"),
    ],
)
def test_command_says_what_is_wrong(site: Site, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("calibrate", *arguments)
