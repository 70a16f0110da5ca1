"""Sees to it that every passage has its vectors, also while a site changes its model."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from conversations.models import Site
from knowledge.models import Passage, PassageVector
from knowledge.vectors import embed_passages, models_of, store_vectors
from llm.embedding import find_embedder
from llm.errors import ModelError

logger = logging.getLogger(__name__)
# With their sentences some two seconds of the local model: so long an edited article may wait.
BATCH = 8


@dataclass(frozen=True, slots=True)
class Gap:
    """Passages of one site that have no vectors by ``model``."""

    model: str
    passages: tuple[Passage, ...]


def embed_article(article_id: int) -> int:
    """Give an article's passages the vectors they lack; return how many were stored.

    Without its model the article is found by its words, and left to the periodic task.
    """
    site = Site.objects.filter(articles=article_id).first()
    if site is None:
        return 0
    stored = sum(_embed_all(model, article_id=article_id) for model in models_of(site))
    serve_wanted_model(site)
    return stored


def embed_next_gap(*, limit: int = BATCH) -> int:
    """Embed some passages that lack vectors, of any site; return how many were stored.

    0 where nothing is missing, or no model is there that could write it.
    """
    for site in Site.objects.order_by("pk"):
        for gap in _gaps(site, limit=limit):
            if stored := _embed(gap):
                return stored
        serve_wanted_model(site)
    return 0


def serve_wanted_model(site: Site) -> bool:
    """Search by the model that the site wants as soon as every passage has its vector by it.

    Until then the old one's are kept up to date and serve. Returns whether the site changed.
    """
    is_changed = _switch(site.pk)
    for_nothing = PassageVector.objects.filter(site=site).exclude(
        model__in=models_of(Site.objects.get(pk=site.pk))
    )
    for_nothing.delete()
    return is_changed


@transaction.atomic
def _switch(site_id: int) -> bool:
    site = Site.objects.select_for_update(no_key=True).get(pk=site_id)
    wanted = site.embedding_model
    if wanted == site.served_embedding_model:
        return False
    if wanted and _without_vectors(wanted).filter(site=site).exists():
        return False
    site.served_embedding_model = wanted
    site.save(update_fields=["served_embedding_model"])
    return True


def _gaps(site: Site, *, limit: int) -> Iterator[Gap]:
    for model in models_of(site):
        missing = _without_vectors(model).filter(site=site).order_by("pk")[:limit]
        if passages := tuple(missing):
            yield Gap(model, passages)


def _without_vectors(model: str) -> QuerySet[Passage]:
    own = PassageVector.objects.filter(passage=OuterRef("pk"), model=model)
    return Passage.objects.filter(~Exists(own)).select_related("article")


def _embed_all(model: str, *, article_id: int) -> int:
    """Embed an article in batches, up to the first that its model is away for."""
    missing = list(_without_vectors(model).filter(article=article_id).order_by("position"))
    stored = 0
    for start in range(0, len(missing), BATCH):
        if not (done := _embed(Gap(model, tuple(missing[start : start + BATCH])))):
            break
        stored += done
    return stored


def _embed(gap: Gap) -> int:
    """Turn a gap's passages into vectors and store them; 0 where its model is away."""
    embedder = find_embedder(gap.model)
    if embedder is None:
        return 0
    try:
        embedded = embed_passages(embedder, passages=gap.passages)
    except ModelError as error:
        logger.warning("%d passages wait for %s: %s", len(gap.passages), gap.model, error)
        return 0
    return store_vectors(gap.model, embedded=embedded)
