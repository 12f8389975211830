# First form: the issue on Grafana finishes the containers.
FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements/run.txt requirements/run.txt
RUN python -m venv /opt/suanli && /opt/suanli/bin/pip install --no-cache-dir -r requirements/run.txt
COPY . .
RUN /opt/suanli/bin/pip install --no-cache-dir --no-deps .

FROM python:3.12-slim
COPY --from=build /opt/suanli /opt/suanli
RUN useradd --system --create-home --home-dir /data suanli
USER suanli
WORKDIR /data
ENV PATH=/opt/suanli/bin:$PATH SUANLI_STORE=sqlite:////data/suanli.db
EXPOSE 9105
ENTRYPOINT ["suanli"]
CMD ["serve"]
