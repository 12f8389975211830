# Suanli alone: no compiler, no pip, no root. `docker build -t suanli .`; the tags below are exact versions.
FROM python:3.12.8-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements/run.txt requirements/build.txt requirements/
RUN python -m venv --without-pip /opt/suanli \
 && python -m venv /opt/build && /opt/build/bin/pip install -r requirements/build.txt \
 && /opt/build/bin/pip --python /opt/suanli/bin/python install -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY suanli suanli
COPY collectors collectors
COPY exporter exporter
COPY dashboards dashboards
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation -w /wheel . \
 && /opt/build/bin/pip --python /opt/suanli/bin/python install --no-deps /wheel/*.whl

FROM python:3.12.8-slim-bookworm
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="suanli" \
      org.opencontainers.image.description="算力监测: computing power that is online and used, as numbers that can be trusted" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --system --gid 10001 suanli \
 && useradd --system --uid 10001 --gid suanli --home-dir /data --shell /usr/sbin/nologin suanli \
 && install -d -o suanli -g suanli -m 0750 /data \
 && rm -rf /usr/local/lib/python3.12/ensurepip /usr/local/lib/python3.12/site-packages/pip* /usr/local/bin/pip*
COPY --from=build /opt/suanli /opt/suanli
ENV PATH=/opt/suanli/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
# The default store, sqlite:///suanli.db, lies here.
WORKDIR /data
VOLUME /data
EXPOSE 9105
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9105/healthz', timeout=4)"]
ENTRYPOINT ["suanli"]
CMD ["serve"]
