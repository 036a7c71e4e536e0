FROM python:3.13-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src

# Pinned and hashed lists first: they change less often than the code.
COPY requirements-build.txt requirements.txt ./
RUN pip install --require-hashes -r requirements-build.txt \
    && python -m venv /opt/router \
    && /opt/router/bin/pip install --require-hashes -r requirements.txt

COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/router/bin/pip install --no-deps /wheels/*.whl


FROM python:3.13-slim

ENV PATH=/opt/router/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin router
COPY --from=build /opt/router /opt/router

USER 10001
WORKDIR /etc/router
EXPOSE 8080
ENTRYPOINT ["router"]
CMD ["worker"]
