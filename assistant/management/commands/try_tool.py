"""``manage.py try_tool SITE TOOL '{"number": "1"}'``: make one call of an HTTP tool by hand."""

import json
from argparse import ArgumentParser
from typing import Any

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandError
from pydantic import BaseModel, ValidationError

from assistant.models import HttpTool
from assistant.tools import Caller, Tool, ToolRefused
from assistant.tools.http import HttpCall, http_tool
from assistant.tools.http_definitions import find_errors
from assistant.tools.running import describe_effect, run_tool

KEY = "00000000-0000-0000-0000-000000000000"


class Command(BaseCommand):
    """Shows the request and what came of it; a tool that changes something is never called."""

    help = (
        "Calls a configured tool as a turn would, also one that is not active yet, and says what "
        "came of it. Of a tool that changes something the card is shown and nothing is sent."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the tool, the arguments and the customer."""
        parser.add_argument("site", help="the site's key")
        parser.add_argument("tool", help="the tool's name")
        parser.add_argument("arguments", nargs="?", default="{}", help="a JSON object")
        parser.add_argument("--customer", default="", help="the id that the site would sign")

    def handle(self, *, site: str, tool: str, arguments: str, customer: str, **_: Any) -> None:
        """Make the call."""
        row = HttpTool.objects.select_related("site").filter(site__key=site, name=tool).first()
        if row is None:
            raise CommandError(f"The site {site!r} has no HTTP tool {tool!r}.")
        for field, error in find_errors(row).items():
            raise CommandError(f"{field}: {error}")
        made = http_tool(row)
        values = _read(made, arguments)
        caller = Caller(site, is_verified=bool(customer), external_id=customer, email="")
        try:
            self._show(HttpCall(row, secret=row.site.secret), values, caller)
            self._call(made, values, caller)
        except ToolRefused as refused:
            raise CommandError(f"Refused: {refused}") from refused

    def _show(self, call: HttpCall, values: BaseModel, caller: Caller) -> None:
        """Write the request, without the values of its headers."""
        request = call.request(values, caller=caller, idempotency_key=KEY)
        self.stdout.write(f"{request.method} {request.url}")
        self.stdout.write(f"Headers: {', '.join(sorted(request.headers))}")
        if request.body:
            self.stdout.write(f"Body: {request.body.decode()}")

    def _call(self, tool: Tool, values: BaseModel, caller: Caller) -> None:
        if tool.is_write:
            card = async_to_sync(describe_effect)(tool, values, caller=caller)
            self.stdout.write("\n  ".join(["Card:", card.title, *card.lines]))
            self.stdout.write("It changes something: nothing was sent.")
            return
        outcome = async_to_sync(run_tool)(
            tool, values, caller=caller, idempotency_key=KEY, seconds=tool.timeout
        )
        code = f" ({outcome.error_code})" if outcome.error_code else ""
        self.stdout.write(
            f"{outcome.state.label}{code} in {outcome.duration_ms} ms: {outcome.text}"
        )


def _read(tool: Tool, text: str) -> BaseModel:
    """Return the arguments; raise ``CommandError`` with what is wrong at each."""
    try:
        values: BaseModel = tool.arguments.model_validate(json.loads(text))
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}"
            for one in error.errors()
        )
        raise CommandError(f"Wrong arguments: {wrong}") from error
    except (ValueError, RecursionError) as error:
        raise CommandError("The arguments are no JSON.") from error
    return values
