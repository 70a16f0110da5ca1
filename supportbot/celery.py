"""The Celery application; tasks are in each package's ``tasks.py`` and ``*_tasks.py``."""

import os

from celery import Celery

from supportbot.broker import use_patient_transport

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supportbot.settings")

use_patient_transport()
app = Celery("supportbot")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(related_name="import_tasks")
app.autodiscover_tasks(related_name="helper_tasks")
