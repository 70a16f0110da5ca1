"""A broker that is gone ends no worker."""

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
