"""People of the company who use the admin."""

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A member of staff; roles are groups (see ``accounts.roles``)."""

    @property
    def public_name(self) -> str:
        """The name that customers see: the first name, else the user name."""
        return self.first_name or self.get_username()
