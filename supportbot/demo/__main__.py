"""``python -m supportbot.demo``: runs the whole product on this machine until Ctrl-C."""

import contextlib
import shlex
import signal
import socket
import sys
import time
from types import FrameType

from supportbot import processes
from supportbot.demo.environment import (
    DemoError,
    DemoOptions,
    build_environment,
    read_options,
    write_environment,
)
from supportbot.demo.services import Service, list_services
from supportbot.demo.supervisor import Child, Supervisor, make_children
from supportbot.embedded import EmbeddedServers
from supportbot.embedded.errors import DataDirInUse, EmbeddedError, last_lines
from supportbot.healthcheck import is_web_ready

READY_SECONDS = 60.0
PREPARE_SECONDS = 300.0
TEND_SECONDS = 0.2
PREPARATIONS = (
    Service("migrate", ("manage.py", "migrate", "--no-input", "--verbosity", "0")),
    Service("load_demo", ("manage.py", "load_demo")),
)
FACES = {
    "Shop with the widget": "/",
    "Agents' queue": "/admin/escalation/handoff/",
    "Reports": "/admin/reports/",
    "Admin": "/admin/",
}
LOG_INS = ("agent", "agent2", "manager", "admin")


class StopRequests:
    """Counts Ctrl-C and its like: the first asks for a clean stop, the second for a quick one."""

    def __init__(self) -> None:
        self._count = 0
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, self._note)

    def asked(self) -> bool:
        """Return whether to stop."""
        return self._count > 0

    def hurried(self) -> bool:
        """Return whether to stop at once."""
        return self._count > 1

    def _note(self, _sign: int, _frame: FrameType | None) -> None:
        self._count += 1


def say(text: str) -> None:
    """Write a line for the person at the terminal."""
    # A reader that left (``make demo | head``) is no reason to stop.
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def main() -> int:
    """Run the demo; return the exit status."""
    requests = StopRequests()
    try:
        options = read_options()
        with EmbeddedServers(options.data_dir) as servers:
            run(options, servers=servers, requests=requests)
            say("stopping the databases")
    except DataDirInUse as error:
        say(f"{error}; choose another place with DATA_DIR= and another port with PORT=")
        return 1
    except (DemoError, EmbeddedError) as error:
        say(str(error))
        return 1
    return 0


def run(options: DemoOptions, *, servers: EmbeddedServers, requests: StopRequests) -> None:
    """Prepare the database, then keep every process running until asked to stop."""
    environment = build_environment(options, urls=servers.urls)
    services = list_services(port=options.port, data_dir=options.data_dir)
    children, preparations = (
        make_children(those, environment=environment, code=options.code, data_dir=options.data_dir)
        for those in (services, PREPARATIONS)
    )
    for child in (*preparations, *children):
        child.end_leftover(mark=f"owner={options.data_dir} ")
    require_free_port(options.port)
    for child in preparations:
        prepare(child, requests=requests)
    supervisor = Supervisor(children, say)
    write_environment(options, urls=servers.urls)
    try:
        supervise(supervisor, options=options, requests=requests)
    finally:
        say("stopping the processes")
        options.environment_file.unlink(missing_ok=True)
        supervisor.stop(hurried=requests.hurried)


def require_free_port(port: int) -> None:
    """Raise DemoError where another process listens on ``port``."""
    with socket.socket() as probe:
        # As uvicorn does: connections that a former run closed don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise DemoError(
                f"port {port} can't be used ({error.strerror}); choose another with PORT="
            ) from error


def prepare(child: Child, *, requests: StopRequests) -> None:
    """Run a preparation to its end, unless asked to stop; raise DemoError where it fails."""
    if requests.asked():
        return
    child.start()
    processes.wait_until(lambda: child.has_ended() or requests.asked(), seconds=PREPARE_SECONDS)
    finished, status = child.has_ended(), child.status
    child.kill()
    if not requests.asked() and (not finished or status != 0):
        raise DemoError(f"{child.name} failed:\n{last_lines(child.log)}")


def supervise(supervisor: Supervisor, *, options: DemoOptions, requests: StopRequests) -> None:
    """Start the processes, tell the addresses once all answer, and look after them."""
    if requests.asked():
        return
    supervisor.start()

    def settled() -> bool:
        supervisor.tend()
        return requests.asked() or is_web_ready(f"{options.url}/readyz")

    if not processes.wait_until(settled, seconds=READY_SECONDS):
        log = options.logs / "web.log"
        raise DemoError(f"not ready after {READY_SECONDS:.0f} s, see {log}:\n{last_lines(log)}")
    if not requests.asked():
        say(welcome(options))
    while not requests.asked():
        supervisor.tend()
        time.sleep(TEND_SECONDS)


def welcome(options: DemoOptions) -> str:
    """Return what to open and how to log in."""
    lines = ["", "The demo runs (Ctrl-C stops it):"]
    lines += [f"  {name + ':':<22}{options.url}{path}" for name, path in FACES.items()]
    lines += [f"  {'Log-ins:':<22}{', '.join(LOG_INS)} (the password is the name)"]
    lines += [f"  {'Logs:':<22}{options.logs}"]
    environment = shlex.quote(str(options.environment_file))
    command = f"(. {environment} && .venv/bin/python manage.py doctor)"
    lines += [f"  {'Commands, as this:':<22}{command}", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
