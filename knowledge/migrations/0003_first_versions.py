from django.db import migrations
from django.db.models import Exists, OuterRef


def keep_versions(apps, schema_editor):
    """Give each article the row of the version that it has."""
    Article = apps.get_model("knowledge", "Article")
    ArticleVersion = apps.get_model("knowledge", "ArticleVersion")
    kept = ArticleVersion.objects.filter(article=OuterRef("pk"), number=OuterRef("version"))
    articles = Article.objects.filter(~Exists(kept)).iterator(chunk_size=500)
    ArticleVersion.objects.bulk_create(
        (
            ArticleVersion(
                article=article,
                number=article.version,
                title=article.title,
                body=article.body,
                locale=article.locale,
                tags=article.tags,
                audience=article.audience,
                created_at=article.updated_at,
            )
            for article in articles
        ),
        batch_size=500,
    )


class Migration(migrations.Migration):

    dependencies = [
        ("knowledge", "0002_sources_versions_vectors"),
    ]

    operations = [
        migrations.RunPython(keep_versions, migrations.RunPython.noop),
    ]
