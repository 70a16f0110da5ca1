"""Celery's way to Redis: a worker outlives the loss of it, and keeps no books where rows do.

When the connection breaks, Celery takes it apart and then tries to hand back and acknowledge what
it held on it. kombu 5.7 answers that with an ``AttributeError``, which nothing expects: the worker
ended. A connection that is gone is a connection's error.

What is sent for a row of the database comes by a queue without acknowledgement: the row is sent
again until it is done, so the broker need not note who holds a task, two round trips a task.
"""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.redis import Channel, QoS, Transport
from redis.exceptions import ConnectionError as BrokerGone


class Books(QoS):
    """What is not acknowledged yet; kombu would strike out what was never noted, too."""

    def ack(self, delivery_tag: str) -> None:
        """Strike out a task, if it was noted."""
        if delivery_tag in (self._delivered or ()):
            super().ack(delivery_tag)


class PatientChannel(Channel):
    """A channel that says so when its connection was taken apart."""

    QoS = Books

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection.client is None:
            raise BrokerGone("the connection to the broker was closed")
        parameters: dict[str, Any] = super()._connparams(asynchronous=asynchronous)  # type: ignore[misc] # not in kombu's types
        return parameters


class PatientTransport(Transport):
    """Redis with such channels."""

    Channel = PatientChannel


def use_patient_transport() -> None:
    """Let every ``redis://`` broker of this process be reached so."""
    TRANSPORT_ALIASES["redis"] = f"{__name__}:{PatientTransport.__name__}"
