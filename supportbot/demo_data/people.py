"""The demo's log-ins: each has its own name as the password."""

from dataclasses import dataclass

from django.contrib.auth.models import Group

from accounts import roles
from accounts.models import User
from escalation.models import AgentProfile


@dataclass(frozen=True)
class Person:
    """A member of the demo's staff."""

    username: str
    first_name: str
    last_name: str
    role: str
    works_queue: bool = False
    is_superuser: bool = False


PEOPLE = (
    Person("agent", "Ana", "Moreira", roles.AGENT, works_queue=True),
    Person("agent2", "Ben", "Okafor", roles.AGENT, works_queue=True),
    Person("manager", "Mira", "Lindqvist", roles.MANAGER),
    Person("admin", "Sam", "Whitlock", roles.ADMINISTRATOR, is_superuser=True),
)


def ensure_people() -> list[User]:
    """Make the log-ins that are missing; return those who work the queue.

    One that exists keeps its password and its groups.
    """
    roles.ensure_roles()
    agents = []
    for person in PEOPLE:
        user = User.objects.filter(username=person.username).first() or _create(person)
        if person.works_queue:
            AgentProfile.objects.get_or_create(user=user)
            agents.append(user)
    return agents


def _create(person: Person) -> User:
    user = User.objects.create_user(
        person.username,
        email=f"{person.username}@harbor-and-pine.example",
        password=person.username,
        first_name=person.first_name,
        last_name=person.last_name,
        is_staff=True,
        is_superuser=person.is_superuser,
    )
    user.groups.add(Group.objects.get(name=person.role))
    return user
