"""Articles for the tests of retrieval, indexing and the help centre."""

import re
from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np
import pytest

from conversations.models import Site
from knowledge import embedding, retrieval
from knowledge.indexing import index_article
from knowledge.models import VECTOR_DIMENSIONS, Article
from knowledge.services import ArticleContent, save_article
from llm.errors import ModelUnavailable

MakeArticle = Callable[..., Article]
# What a model knows and words don't.
SYNONYMS = {"footwear": "boots", "shoes": "boots", "refund": "money", "reimburse": "money"}


class FakeEmbedder:
    """Vectors of the words' own directions, synonyms sharing one; ``is_away`` makes it fail."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_away = False
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str], *, seconds: float = 0.0) -> "np.ndarray":
        del seconds
        if self.is_away:
            raise ModelUnavailable
        self.texts += texts
        rows = np.array([self._row(text) for text in texts], dtype=np.float32)
        return rows.reshape(-1, VECTOR_DIMENSIONS)

    def _row(self, text: str) -> "np.ndarray":
        words = [SYNONYMS.get(word, word) for word in re.findall(r"\w+", text.lower())] or ["?"]
        row = sum(self._direction(word) for word in words)
        return row / np.linalg.norm(row)

    def _direction(self, word: str) -> "np.ndarray":
        dice = np.random.default_rng(crc32(f"{self.name} {word}".encode()))
        return dice.normal(size=VECTOR_DIMENSIONS)


Embedders = dict[str, FakeEmbedder]


@pytest.fixture
def embedders(monkeypatch: pytest.MonkeyPatch) -> Embedders:
    """Two models; one that is taken out is not installed."""
    known = {name: FakeEmbedder(name) for name in ("all-MiniLM-L6-v2", "text-embedding-3-small")}
    for module in (embedding, retrieval):
        monkeypatch.setattr(module, "find_embedder", known.get)
    return known


@pytest.fixture(autouse=True)
def _no_real_model(embedders: Embedders) -> None:
    """No test waits for the real model."""


@pytest.fixture
def wordy_site(site: Site) -> Site:
    """A site that searches by words only."""
    site.embedding_model = ""
    site.save(update_fields=["embedding_model"])
    return site


@pytest.fixture
def make_article(site: Site) -> MakeArticle:
    """Store an article and index it here and now."""

    def make(slug: str, *, title: str = "", body: str = "text", **values: object) -> Article:
        content = ArticleContent(title=title or slug, body=body, **values)
        article = save_article(site, slug=slug, content=content).article
        index_article(article.pk)
        article.refresh_from_db()
        return article

    return make
