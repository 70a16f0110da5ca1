"""A broker that is gone ends no worker, and knows only of tasks that nothing else knows of."""

from typing import Any

import pytest
from kombu.common import ignore_errors

from supportbot.celery import app


def test_channel_when_its_connection_was_taken_apart_says_so_and_is_closed() -> None:
    connection = app.connection_for_read()
    channel = connection.default_channel
    queue = channel.queue_declare("patience", auto_delete=True).queue
    channel.basic_publish(channel.prepare_message("hello"), exchange="", routing_key=queue)
    message = channel.basic_get(queue)
    assert message is not None
    # Without Redis the channel could not be closed before its transport was let go.
    connection._do_close_transport()
    # As the worker does: neither raises anything that it does not expect.
    ignore_errors(connection, channel.close)
    with ignore_errors(connection):
        message.ack()


def _is_noted(channel: Any, tag: str) -> bool:
    return channel.client.hget(channel.unacked_key, tag) is not None


@pytest.mark.parametrize(("queue", "is_noted"), [("turns", False), ("bulk", True)])
def test_task_of_a_row_is_not_noted_while_it_is_under_way(queue: str, is_noted: bool) -> None:
    with app.connection_for_read() as connection:
        channel = connection.channel()
        declared = app.amqp.queues[queue](channel)
        declared.purge()
        channel.basic_publish(channel.prepare_message("hello"), exchange="", routing_key=queue)
        message = declared.get()
        assert message is not None
        while_under_way = _is_noted(channel, message.delivery_tag)
        message.ack()
        afterwards = _is_noted(channel, message.delivery_tag)
    assert (while_under_way, afterwards) == (is_noted, False)
