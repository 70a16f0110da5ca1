#!/usr/bin/env python3
"""Run a management command of supportbot."""

import os
import sys
from contextlib import nullcontext

from django.core.management import execute_from_command_line

from supportbot.own_servers import fill_in_settings, needs_own_servers, own_servers

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supportbot.settings")
    fill_in_settings(sys.argv)
    with own_servers() if needs_own_servers(sys.argv) else nullcontext():
        execute_from_command_line(sys.argv)
