"""The assistant's rows, one file a theme."""

from assistant.models.budget import BudgetAlarm, BudgetLimit, Reservation, Scope, Spend
from assistant.models.cache import CachedAnswer
from assistant.models.calibration import Calibration
from assistant.models.context import ConversationSummary, LearntFact
from assistant.models.guards import OutputRule
from assistant.models.helping import HelperRun
from assistant.models.tiers import Tier, TierRule
from assistant.models.tools import Audience, Effect, HttpTool, ToolCall
from assistant.models.turns import Turn, TurnRecord

__all__ = [
    "Audience",
    "BudgetAlarm",
    "BudgetLimit",
    "CachedAnswer",
    "Calibration",
    "ConversationSummary",
    "Effect",
    "HelperRun",
    "HttpTool",
    "LearntFact",
    "OutputRule",
    "Reservation",
    "Scope",
    "Spend",
    "Tier",
    "TierRule",
    "ToolCall",
    "Turn",
    "TurnRecord",
]
