"""Reads knowledge bases and labelled questions from files; knows no database."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from pydantic import BaseModel, ValidationError

from core.errors import BadInput
from knowledge.importers.content import Defaults
from knowledge.importers.markdown import parse_article_file

DEMO: Path = settings.BASE_DIR / "knowledge" / "demo"
File = TypeVar("File", bound=BaseModel)
OUT_OF_SCOPE = frozenset({"oos", "NO_NODES_DETECTED"})
MAX_TITLE_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class KnownArticle:
    """An article by the key that questions name it by."""

    key: str
    title: str
    body: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownQuestion:
    """A question with the articles that answer it; none: nothing does."""

    text: str
    articles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Corpus:
    """A knowledge base with questions to it, and some from far outside (``far``)."""

    name: str
    articles: Sequence[KnownArticle]
    questions: Sequence[KnownQuestion]
    far: Sequence[str] = ()


class _ArticleRow(BaseModel):
    id: int | str
    title: str
    body: str


class _QuestionRow(BaseModel):
    text: str
    articles: list[int | str]


class _KnowledgeFile(BaseModel):
    articles: list[_ArticleRow]
    questions: list[_QuestionRow]


class _IntentsFile(BaseModel):
    train: list[tuple[str, str]]
    val: list[tuple[str, str]]
    oos_train: list[tuple[str, str]] = []
    oos_val: list[tuple[str, str]] = []

    @property
    def far(self) -> list[str]:
        """The questions that are in nobody's scope."""
        return [text for text, _ in (*self.oos_val, *self.oos_train)]


def read_knowledge_base(path: Path, *, intents: Path | None = None) -> Corpus:
    """Read ``{articles: [{id, title, body}], questions: [{text, articles: [id]}]}``.

    ``intents`` gives the far questions. Raises ``BadInput`` naming the file and the field.
    """
    file = _parsed(path, _KnowledgeFile)
    return Corpus(
        name=path.stem.removeprefix("kb_"),
        articles=[
            KnownArticle(str(row.id), row.title[:MAX_TITLE_CHARACTERS], row.body)
            for row in file.articles
        ],
        questions=[
            KnownQuestion(row.text, frozenset(map(str, row.articles))) for row in file.questions
        ],
        far=_parsed(intents, _IntentsFile).far if intents else (),
    )


def read_intents(path: Path) -> Corpus:
    """Read ``{train, val, oos_val: [[text, intent]]}``: each intent's questions are an article."""
    file = _parsed(path, _IntentsFile)
    return intents_corpus(
        path.stem.removeprefix("intents_"), train=file.train, asked=[*file.val, *file.oos_val]
    )


def read_intents_csv(train: Path, *, test: Path) -> Corpus:
    """Read two CSV files ``sentence,label``."""
    name = train.stem.removeprefix("intents_").removesuffix("_train")
    return intents_corpus(name, train=_csv_pairs(train), asked=_csv_pairs(test))


def intents_corpus(
    name: str, *, train: Iterable[tuple[str, str]], asked: Iterable[tuple[str, str]]
) -> Corpus:
    """Return a knowledge base of known questions, and others that ask the same or nothing of it."""
    known: dict[str, list[str]] = defaultdict(list)
    for text, intent in train:
        if intent not in OUT_OF_SCOPE:
            known[intent].append(text)
    return Corpus(
        name=name,
        articles=[
            KnownArticle(intent, intent.replace("_", " ").lower(), "\n\n".join(texts))
            for intent, texts in known.items()
        ],
        questions=[
            KnownQuestion(text, frozenset({intent} - OUT_OF_SCOPE)) for text, intent in asked
        ],
    )


def read_demo(*, far: Sequence[str] = ()) -> Corpus:
    """Return the demo's articles and questions."""
    files = [
        parse_article_file(
            path.read_text(encoding="utf-8"), stem=path.stem, defaults=Defaults("en")
        )
        for path in sorted((DEMO / "articles").rglob("*.md"))
    ]
    rows = json.loads((DEMO / "questions.json").read_text(encoding="utf-8"))
    return Corpus(
        name="demo",
        articles=[
            KnownArticle(one.slug, one.content.title, one.content.body, one.content.tags)
            for one in files
        ],
        questions=[KnownQuestion(row["question"], frozenset(row["articles"])) for row in rows],
        far=far,
    )


def read_folder(folder: Path) -> tuple[list[Corpus], list[Corpus]]:
    """Return the knowledge bases, the demo's too, and the intent sets of a folder."""
    clinc = folder / "intents_clinc150.json"
    bases = [read_knowledge_base(path, intents=clinc) for path in sorted(folder.glob("kb_*.json"))]
    if not bases:
        raise BadInput(f"{folder} holds no kb_*.json: give the folder of the public data.")
    intents = [read_intents(path) for path in sorted(folder.glob("intents_*.json"))]
    for path in sorted(folder.glob("intents_*_train.csv")):
        test = path.with_name(path.name.replace("_train.csv", "_test.csv"))
        intents.append(read_intents_csv(path, test=test))
    return [read_demo(far=bases[0].far), *bases], intents


def _parsed(path: Path, model: type[File]) -> File:
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise BadInput(f"{path}: {place}: {first['msg']}.") from error


def _csv_pairs(path: Path) -> list[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return [(row["sentence"], row["label"]) for row in csv.DictReader(lines)]
    except (OSError, KeyError) as error:
        raise BadInput(f"{path} can't be read: {error}.") from error
