"""Times in the words of people."""

from datetime import datetime

from django.utils.formats import date_format
from django.utils.timezone import localtime


def write_moment(at: datetime) -> str:
    """Return a time as the admin writes it, in the time zone of the settings."""
    return date_format(localtime(at), "DATETIME_FORMAT")
