"""English: 30 Nov 2026, 14:05, which reads the same on either side of the Atlantic.

``static/desk/clock.js`` writes the same in the agent's own zone.
"""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y, H:i"
YEAR_MONTH_FORMAT = "M Y"
MONTH_DAY_FORMAT = "j M"
