"""As little as Channels and Celery need."""

import os

SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["channels"]
ASGI_APPLICATION = "benchmarks.peers.tutorial.asgi.application"
REDIS_URL = os.environ["REDIS_URL"]
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        # The default of 100 drops tokens.
        "CONFIG": {"hosts": [REDIS_URL], "capacity": 1000},
    },
}
USE_TZ = True
