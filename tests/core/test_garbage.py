"""The garbage collector's walks in a long-lived process."""

import gc
from collections.abc import Iterator

import pytest

from core.garbage import CONTAINERS_BETWEEN_LOOKS, LOOKS_BETWEEN_WIDER, spare_what_is_loaded


@pytest.fixture
def collector() -> Iterator[None]:
    """Leave the collector as it was."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("collector")
def test_what_is_loaded_is_walked_through_no_more_and_what_comes_is() -> None:
    loaded: list[object] = [[]]
    spare_what_is_loaded()
    come: list[object] = [[]]
    come.append(come)
    watched = gc.get_objects()
    assert not any(one is loaded for one in watched)
    assert any(one is come for one in watched)
    wider = LOOKS_BETWEEN_WIDER
    assert gc.get_threshold() == (CONTAINERS_BETWEEN_LOOKS, wider, wider)


@pytest.mark.usefixtures("collector")
def test_garbage_that_outlived_two_looks_is_found_though_much_is_loaded() -> None:
    loaded = [[] for _ in range(500_000)]
    spare_what_is_loaded()
    walks: list[int] = []
    gc.callbacks.append(note := lambda phase, info: walks.append(info["generation"]))
    try:
        for _ in range(60 * CONTAINERS_BETWEEN_LOOKS):
            garbage: list[object] = []
            garbage.append(garbage)
    finally:
        gc.callbacks.remove(note)
    assert max(walks) == 2
    assert loaded
