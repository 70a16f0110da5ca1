"""Deployment options, read once from the environment; nothing is started on import.

Every secret ``NAME`` may also be given as ``NAME_FILE``, the path of a file that holds it.
Run-time options (greeting, thresholds, rules) are rows that a manager edits in the admin.
"""

import os
from pathlib import Path
from typing import Any

from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured
from environ import Env
from kombu import Exchange, Queue

from supportbot import content_security

CONTENT_SECURITY_POLICY = content_security.CONTENT_SECURITY_POLICY
BASE_DIR = Path(__file__).resolve().parent.parent
env = Env()


def secret(name: str, *, default: str | None = None) -> str:
    """Return the secret ``name`` from ``NAME_FILE`` or ``NAME``; refuse to start without it."""
    path = env.str(f"{name}_FILE", default="")
    if path:
        return Path(path).read_text(encoding="utf-8").strip()
    value: str = env.str(name, default=default or "")
    if not value and default is None:
        raise ImproperlyConfigured(f"{name} is not set (nor {name}_FILE)")
    return value


DEMO = env.bool("DEMO", default=False)
TESTING = env.bool("SUPPORTBOT_TESTING", default=False)
DEBUG = False
SECRET_KEY = secret("SECRET_KEY")
# Former secret keys: what was encrypted with them stays readable.
SECRET_KEY_FALLBACKS = [one for one in secret("SECRET_KEY_FALLBACKS", default="").split(",") if one]
# Fernet keys of encrypted fields, the newest first; none: one derived from SECRET_KEY.
FIELD_ENCRYPTION_KEYS = [
    one.strip() for one in secret("FIELD_ENCRYPTION_KEYS", default="").split(",") if one.strip()
]
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var")))
LOOPBACK_HOSTS = {"127.0.0.1", "localhost", "[::1]", "testserver"}
if DEMO and not set(ALLOWED_HOSTS) <= LOOPBACK_HOSTS:
    raise ImproperlyConfigured(
        "DEMO allows log-ins with known passwords: it serves only on loopback, "
        f"but ALLOWED_HOSTS is {ALLOWED_HOSTS}"
    )
HTTPS = PUBLIC_URL.startswith("https://")

INSTALLED_APPS = [
    "whitenoise.runserver_nostatic",
    "supportbot.admin_site.SupportAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "axes",
    "csp",
    "channels",
    "core",
    "accounts",
    "llm",
    "conversations",
    "escalation",
    "knowledge",
    "assistant",
    "widget",
    "desk",
    "reports",
    "supportbot",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "supportbot.urls"
ASGI_APPLICATION = "supportbot.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "desk.spending_notice.spending_notices",
            ],
        },
    },
]

DATABASE_POOL_SIZE = env.int("DATABASE_POOL_SIZE", default=12)
# Of a process's sockets and turns: each keeps a connection of the pool.
DATABASE_THREADS = env.int("DATABASE_THREADS", default=4)
DATABASES: dict[str, dict[str, Any]] = {"default": env.db_url_config(secret("DATABASE_URL"))}
DATABASES["default"] |= {
    "ENGINE": "django.db.backends.postgresql",
    # PgBouncer in transaction mode knows no server-side cursors.
    "DISABLE_SERVER_SIDE_CURSORS": True,
}
DATABASES["default"].setdefault("OPTIONS", {})
if env.bool("DATABASE_PREPARED_STATEMENTS", default=True):
    # The same small statements again and again: planning them takes longer than running them.
    DATABASES["default"]["OPTIONS"] |= {"server_side_binding": True, "prepare_threshold": 5}
DATABASES["default"]["OPTIONS"] |= {
    "options": "-c lock_timeout=2000 -c idle_in_transaction_session_timeout=30000",
}
# Tests share one process with many event loops: a pool there would outlive its loop.
if not TESTING:
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": 1,
        # Two more: the heartbeat must queue behind nobody.
        "max_size": DATABASE_POOL_SIZE + 2,
        "timeout": 5,
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = secret("REDIS_URL")
# Pub/sub ignores Redis database numbers: runs that share a server differ by this prefix.
REDIS_PREFIX = env.str("REDIS_PREFIX", default="supportbot")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [
                {"address": REDIS_URL, "socket_connect_timeout": 1, "socket_keepalive": True},
            ],
            "prefix": f"{REDIS_PREFIX}.asgi",
        },
    },
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
# A whole office shares one address: lock the pair of name and address, never the address.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "accounts.lock_out.network_of_request"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
FORMAT_MODULE_PATH = ["supportbot.formats"]
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT: Path | None = Path(env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "supportbot.static_storage.ModuleStaticFilesStorage"},
}
if DEMO or TESTING:
    # No collectstatic step: WhiteNoise serves the sources themselves.
    STATIC_ROOT = None
    STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage",
    }
    WHITENOISE_USE_FINDERS = True

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
# The containers' own health checks speak plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# Two demos beside each other on one host must not log each other out.
SESSION_COOKIE_NAME = env.str("SESSION_COOKIE_NAME", default="supportbot_session")
CSRF_COOKIE_NAME = env.str("CSRF_COOKIE_NAME", default="supportbot_csrf")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
# Per minute. Generous: a whole office, or a carrier's customers, may share one address.
MESSAGES_A_MINUTE_PER_ADDRESS = env.int("MESSAGES_A_MINUTE_PER_ADDRESS", default=600)
MESSAGES_A_MINUTE_PER_SITE = env.int("MESSAGES_A_MINUTE_PER_SITE", default=6_000)
# Conversations begun, and tokens that open none.
SESSIONS_A_MINUTE_PER_ADDRESS = env.int("SESSIONS_A_MINUTE_PER_ADDRESS", default=120)
# Over HTTP: each renders up to a page of messages.
READINGS_A_MINUTE_PER_ADDRESS = env.int("READINGS_A_MINUTE_PER_ADDRESS", default=3_000)
# Of an address, in an hour; more wait behind all others. A demo's visitors all have the same one.
HAND_OFFS_AN_HOUR_PER_ADDRESS = env.int(
    "HAND_OFFS_AN_HOUR_PER_ADDRESS", default=1_000 if DEMO else 30
)
# Sockets of one web process that have not said who they are, for the five seconds they have.
SILENT_SOCKETS_PER_ADDRESS = env.int("SILENT_SOCKETS_PER_ADDRESS", default=200)
SILENT_SOCKETS = env.int("SILENT_SOCKETS", default=2_000)
# Those that have said it.
SOCKETS_PER_ADDRESS = env.int("SOCKETS_PER_ADDRESS", default=500)
METRICS_ALLOWED_ADDRESSES = env.list("METRICS_ALLOWED_ADDRESSES", default=["127.0.0.1", "::1"])

# Hosts (``name`` or ``name:port``) inside the company that imports may read all the same.
FETCH_ALLOWED_HOSTS = env.list("FETCH_ALLOWED_HOSTS", default=[])
IMPORT_MAX_PAGES = env.int("IMPORT_MAX_PAGES", default=500)
# Between two pages of one website; what its robots.txt asks for goes before it.
IMPORT_DELAY_SECONDS = env.float("IMPORT_DELAY_SECONDS", default=0.5)

OPENAI_API_KEY = env.str("OPENAI_API_KEY", default="")
OPENAI_API_KEY_FILE = env.str("OPENAI_API_KEY_FILE", default="")
OPENAI_BASE_URL = env.str("OPENAI_BASE_URL", default="")
# A tier's first model is asked, the others where it fails: OPENAI_MODELS are the standard tier's.
OPENAI_MODELS = env.list("OPENAI_MODELS", default=["gpt-4.1-mini", "gpt-4o-mini"])
# Empty: those of the standard tier. Another server has names of its own.
OPENAI_STRONG_MODELS = env.list(
    "OPENAI_STRONG_MODELS", default=[] if OPENAI_BASE_URL else ["gpt-4.1", "gpt-4o"]
)
# For short tasks and easy questions; empty: rules do the tasks, the standard tier the questions.
OPENAI_SMALL_MODELS = env.list(
    "OPENAI_SMALL_MODELS", default=[] if OPENAI_BASE_URL else ["gpt-4.1-nano", "gpt-4o-mini"]
)
OPENAI_MODERATION_MODEL = env.str("OPENAI_MODERATION_MODEL", default="omni-moderation-latest")
OPENAI_CONNECT_SECONDS = env.float("OPENAI_CONNECT_SECONDS", default=3.0)
OPENAI_FIRST_TOKEN_SECONDS = env.float("OPENAI_FIRST_TOKEN_SECONDS", default=15.0)
OPENAI_MAX_COMPLETION_TOKENS = env.int("OPENAI_MAX_COMPLETION_TOKENS", default=800)

# What turns saw and said, redacted; and what models cost, by which the reports count.
TURN_RECORDS_KEPT_DAYS = env.int("TURN_RECORDS_KEPT_DAYS", default=90)
SPENDING_KEPT_DAYS = env.int("SPENDING_KEPT_DAYS", default=400)
if min(TURN_RECORDS_KEPT_DAYS, SPENDING_KEPT_DAYS) < 1:
    raise ImproperlyConfigured("TURN_RECORDS_KEPT_DAYS and SPENDING_KEPT_DAYS are 1 at least")

# Modules whose functions the model may call (see docs/tools.md).
SUPPORTBOT_TOOLS = env.list(
    "SUPPORTBOT_TOOLS", default=["supportbot.demo_data.order_tools"] if DEMO else []
)


def tool_secrets() -> dict[str, str]:
    """Return the secrets that headers of HTTP tools may name: ``TOOL_SECRET_NAME`` or its file."""
    prefix = "TOOL_SECRET_"
    set_here = (name for name in os.environ if name.startswith(prefix))
    names = {name.removeprefix(prefix).removesuffix("_FILE") for name in set_here}
    return {name: secret(f"{prefix}{name}") for name in sorted(names - {""})}


TOOL_SECRETS = tool_secrets()

# How late a process may follow what a manager changes in the admin; a test sees it at once.
SETTINGS_HELD_SECONDS = 0.0 if TESTING else 2.0

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
# Without it a task whose child is killed is lost, late acknowledgement or not.
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_DEFAULT_QUEUE = "bulk"
# The rows of the first two are sent again until they are done: their broker keeps no books.
CELERY_TASK_QUEUES = [
    Queue("turns", Exchange("turns"), routing_key="turns", no_ack=True),
    Queue("helpers", Exchange("helpers"), routing_key="helpers", no_ack=True),
    Queue("bulk", Exchange("bulk"), routing_key="bulk"),
]
CELERY_TASK_ROUTES = {
    "assistant.tasks.answer_turn": {"queue": "turns"},
    "assistant.tasks.run_action": {"queue": "turns"},
    # A queue of its own: what agents ask for never stands before a customer's turn.
    "assistant.helper_tasks.run_help_task": {"queue": "helpers"},
    "assistant.tasks.summarise_conversation_task": {"queue": "turns"},
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": f"{REDIS_PREFIX}.celery.",
    "visibility_timeout": 120,
    # A killed worker's tasks come back after the time-out, not minutes later.
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 1,
    "socket_timeout": 30,
    "socket_keepalive": True,
}
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULE = {
    "forget-expired-sessions": {
        "task": "conversations.tasks.clear_expired_sessions",
        "schedule": 3600.0,
    },
    "drop-old-answers": {
        "task": "assistant.tasks.drop_old_answers_task",
        "schedule": 3600.0,
    },
    "prune": {
        "task": "assistant.tasks.prune_task",
        "schedule": crontab(hour=3, minute=40),
    },
    "forget-unused-conversations": {
        "task": "conversations.tasks.forget_unused_conversations",
        "schedule": crontab(hour=3, minute=20),
    },
    # Makes up for index tasks that were lost.
    "index-stale-articles": {
        "task": "knowledge.tasks.index_stale_articles_task",
        "schedule": 60.0,
    },
    # Asks a compatible server's models once what they can do.
    "probe-models": {
        "task": "llm.tasks.probe_models_task",
        "schedule": 60.0,
    },
    # Starts the imports that are due, and takes up again what a killed worker left.
    "tend-imports": {
        "task": "knowledge.import_tasks.tend_imports_task",
        "schedule": 60.0,
    },
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        # httpx2 logs whole URLs, axes logs user names: neither belongs into a log.
        "httpx2": {"level": "WARNING"},
        "openai": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        # Two lines for each turn that went well; those that did not are warned of.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}
