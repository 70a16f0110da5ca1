"""PostgreSQL drops every connection in mid-conversation: nothing is lost, and it goes on."""

import psycopg
import pytest

from tests.live.chat import Customer
from tests.live.conftest import StackMaker
from tests.live.test_faults import QUESTION

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

DROP_ALL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


async def test_loss_of_all_database_connections_loses_nothing(
    start_stack: StackMaker, live_database: str
) -> None:
    stack = start_stack()
    async with Customer(stack.url) as customer:
        await customer.say(QUESTION)
        await customer.until_answered()
        with psycopg.connect(live_database) as connection:
            connection.execute(DROP_ALL)
        await customer.say("Do gift cards expire?")
        await customer.until(lambda: len(customer.journal.acknowledged) == 2, seconds=20)
        await customer.until_answered(times=2, seconds=30)
        assert not customer.faults()
