"""The product without its search: what a turn costs whose passages are given."""

from collections.abc import Mapping

from benchmarks.systems.product import Product

POOL = "benchmarks.peers.without_search:PoolWithoutSearch"


class Pipeline(Product):
    """A second product, whose worker gives each turn the same passages."""

    name, title = "pipeline", "this product, the same passages for each turn instead of a search"
    own_environments: Mapping[str, Mapping[str, str]] = {
        "worker": {"CELERY_CUSTOM_WORKER_POOL": POOL}
    }
