"""Celery's entrances to imports; thin on purpose.

The work modules are imported late: the web processes send these tasks, and the readers of PDF
and Word files are none of theirs.
"""

from celery import shared_task


@shared_task
def run_import_task(run_id: int) -> None:
    """Do one import; duplicates are harmless."""
    from knowledge.import_runs import run_import

    run_import(run_id)


@shared_task
def tend_imports_task() -> None:
    """Open the imports that are due, and take up those that a killed worker left."""
    from knowledge.imports import request_due_imports, tend_runs

    request_due_imports()
    tend_runs()
