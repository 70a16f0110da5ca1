"""The demo shop's help articles, from the folder that the knowledge package ships."""

from pathlib import Path

from django.conf import settings
from django.db import transaction

from conversations.models import Site
from core.errors import BadInput
from knowledge.importing import import_markdown_folder
from knowledge.models import Article

FOLDER: Path = settings.BASE_DIR / "knowledge" / "demo" / "articles"


@transaction.atomic
def ensure_articles(site: Site, *, folder: Path = FOLDER) -> int:
    """Import and index the folder, all or nothing, into a site without articles.

    Later starts leave the articles alone, as their manager may have edited them. Returns how
    many were imported; raises BadInput naming a file that is wrong.
    """
    if Article.objects.filter(site=site).exists():
        return 0
    result = import_markdown_folder(site, path=folder, now=True)
    if result.errors:
        raise BadInput("; ".join(f"{name}: {why}" for name, why in result.errors.items()))
    return len(result.created)
