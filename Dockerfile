# One image for every role: `docker run doorstep api`, `doorstep processor order`, ...
FROM debian:12-slim AS build
# Debian 12 is the pin: its updates are security fixes, and old versions leave the mirrors.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        gcc libc6-dev cmake ninja-build pkg-config binutils \
        librdkafka-dev libpq-dev libavro-dev libmongoc-dev libmicrohttpd-dev \
        libjansson-dev libcurl4-openssl-dev libssl-dev libjwt-dev libcrypt-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cmake --preset release -DDS_TESTS=OFF \
    && cmake --build --preset release --target doorstep \
    && strip -o /doorstep build/release/doorstep

FROM debian:12-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        librdkafka1 libpq5 libmongoc-1.0-0 libmicrohttpd12 libjansson4 libcurl4 libssl3 \
        libjwt0 ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin doorstep \
    && install -d -o doorstep -g doorstep /var/lib/doorstep
COPY --from=build /doorstep /usr/local/bin/doorstep
COPY LICENSE /usr/share/doc/doorstep/LICENSE
# Those the binary has compiled in: to be copied and changed (NOTIFY_TEMPLATES).
COPY gateways/notifications/templates /usr/share/doorstep/templates
USER 10001:10001
WORKDIR /var/lib/doorstep
# The API, and the probes and metrics of every role.
EXPOSE 3000 9400
ENV METRICS_PORT=9400 \
    METRICS_BIND=0.0.0.0 \
    HEALTHCHECK_URL=http://127.0.0.1:9400/readyz
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["doorstep", "healthcheck"]
ENTRYPOINT ["doorstep"]
CMD ["--help"]
