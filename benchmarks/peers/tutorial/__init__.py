"""The design of most tutorials: Channels, a prefork Celery worker, a `group_send` a token."""
