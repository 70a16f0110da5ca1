"""Articles for the tests of retrieval, indexing and the help centre."""

from collections.abc import Callable

import pytest

from conversations.models import Site
from knowledge.indexing import index_article
from knowledge.models import Article
from knowledge.services import ArticleContent, save_article

MakeArticle = Callable[..., Article]


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
