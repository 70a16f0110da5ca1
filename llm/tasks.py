"""Celery's entrances to what is found out of models; thin on purpose.

The work module is imported late: web processes send this task, and the SDK is none of theirs.
"""

from celery import shared_task


@shared_task
def probe_models_task() -> None:
    """Ask the models that were never asked what they can do; nothing to do at OpenAI."""
    from llm.probing import probe_models, unknown_models

    probe_models(unknown_models())
