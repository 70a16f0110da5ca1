"""Settings, environment, embedded services, ASGI, Celery, URLs and health."""

import os

# Before anything imports numpy, which reads it once. What is multiplied here is small and gains
# nothing from a second thread; threads that wait for each other on a busy machine lose much.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from supportbot.celery import app as celery_app

__all__ = ["celery_app"]
