"""The worker's side."""

from asgiref.sync import async_to_sync
from celery import Celery
from channels.layers import get_channel_layer
from django.conf import settings
from openai import OpenAI

app = Celery("tutorial", broker=settings.REDIS_URL)


@app.task(ignore_result=True)
def answer(group: str, question: str) -> None:
    """Send the answer's tokens to a group, one by one."""
    send = async_to_sync(get_channel_layer().group_send)
    stream = OpenAI().chat.completions.create(
        model="bench", messages=[{"role": "user", "content": question}], stream=True
    )
    for chunk in stream:
        if chunk.choices and (token := chunk.choices[0].delta.content):
            send(group, {"type": "token", "text": token})
    send(group, {"type": "token", "text": "\x04"})
