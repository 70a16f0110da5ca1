"""Lists of texts in the admin, one entry a line: an entry may hold commas."""

from typing import Any

from django.contrib.postgres.forms import SimpleArrayField
from django.forms import Textarea


class LinesField(SimpleArrayField):
    """A list as lines; blank ones don't count."""

    def __init__(self, *args: Any, help_text: str = "", **kwargs: Any) -> None:
        """Take what ``ArrayField.formfield`` passes, and say how entries are parted."""
        kwargs |= {"delimiter": "\n", "help_text": f"{help_text} One a line."}
        kwargs["widget"] = Textarea(attrs={"rows": 5, "cols": 60})
        super().__init__(*args, **kwargs)

    def to_python(self, value: Any) -> Any:
        """Return the entries of what a text box sent."""
        if isinstance(value, str):
            lines = (line.strip() for line in value.splitlines())
            value = "\n".join(line for line in lines if line)
        return super().to_python(value)
