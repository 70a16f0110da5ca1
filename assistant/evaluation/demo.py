"""The demo's shop, to ask questions of."""

from assistant.benchmark.corpora import read_demo
from conversations.models import Site
from knowledge.indexing import index_article
from knowledge.services import ArticleContent, store_article

MODEL = "all-MiniLM-L6-v2"


def make_demo_site() -> Site:
    """Store the demo's articles in a site of their own and return it."""
    site = Site.objects.create(
        key="demo", name="Harbor & Pine", embedding_model=MODEL, served_embedding_model=MODEL
    )
    for one in read_demo().articles:
        content = ArticleContent(title=one.title, body=one.body, tags=one.tags)
        index_article(store_article(site, slug=one.key, content=content).article.pk)
    return site
