"""Without a search, every question gets what the real one found for one, and a sure answer."""

import pytest

from assistant import planning
from assistant.evaluation.demo import make_demo_site
from benchmarks.peers import without_search
from supportbot.pool import AsyncTaskPool


@pytest.mark.django_db
def test_every_question_gets_the_same_passages_and_is_sure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "retrieve", planning.retrieve)  # put back at the end
    monkeypatch.setattr(AsyncTaskPool, "on_start", lambda _pool: None)
    site = make_demo_site()
    without_search.PoolWithoutSearch.on_start(object.__new__(without_search.PoolWithoutSearch))
    without_search.find_once.cache_clear()
    found = [
        planning.look_up(site, question, language="en")
        for question in ("how much is shipping to Canada?", "what is the meaning of life")
    ]
    assert found[0].retrieval is found[1].retrieval
    assert found[0].retrieval.passages[0].slug == "warranty"
    assert found[1].confidence >= planning.threshold_of(site, topic=found[1].judgement.topic)
