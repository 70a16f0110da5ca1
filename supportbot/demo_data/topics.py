"""Questions that the demo's help articles answer: their headings, with what stands below them."""

from dataclasses import dataclass
from urllib.parse import urljoin

from django.urls import reverse

from conversations.models import Site
from knowledge.models import Passage
from knowledge.passages import HEADING_SEPARATOR

LONGEST_ANSWER = 900
LONGEST_QUOTE = 200


@dataclass(frozen=True, slots=True)
class Topic:
    """A customer's question and the assistant's answer with its source."""

    question: str
    answer: str
    title: str
    url: str

    @property
    def citation(self) -> dict[str, str]:
        """The source as a message keeps it."""
        quote = self.answer.partition("\n")[0]
        return {"title": self.title, "url": self.url, "quote": quote[:LONGEST_QUOTE]}


def list_topics(site: Site, *, public_url: str) -> list[Topic]:
    """Return a topic for each passage of the site whose heading is a question."""
    passages = Passage.objects.filter(site=site, article__is_published=True, heading__endswith="?")
    return [
        Topic(
            question=passage.heading.split(HEADING_SEPARATOR)[-1],
            answer=passage.text,
            title=passage.article.title,
            url=urljoin(
                public_url, reverse("knowledge:article", args=[site.key, passage.article.slug])
            ),
        )
        for passage in passages.select_related("article").order_by("article__slug", "position")
        if len(passage.text) <= LONGEST_ANSWER
    ]
