"""Tools: what a model may ask the server to look up or do for a customer.

A company's own module needs no more than the names here. The model chooses the arguments, never
the customer: ``Caller`` comes from the server. What runs them in a turn is in ``toolbox``.
"""

from assistant.tools.caller import Caller, caller_of
from assistant.tools.definitions import Card, Tool, ToolRefused
from assistant.tools.registry import tool
from assistant.tools.selection import tools_for

__all__ = ["Caller", "Card", "Tool", "ToolRefused", "caller_of", "tool", "tools_for"]
