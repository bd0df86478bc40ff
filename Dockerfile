# The image runs the console, the API and Ansible as one user without rights.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:24-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv openssh-client ca-certificates tini \
 && python3 -m venv /opt/ansible \
 && /opt/ansible/bin/pip install --no-cache-dir ansible-core==2.19.14 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /data sible \
 && install -d -o sible -g sible /data /playbooks
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/examples examples
# a volume that is new is filled with what is here
COPY --from=build --chown=sible:sible /app/examples/playbooks /playbooks
ENV NODE_ENV=production \
    PATH=/opt/ansible/bin:$PATH \
    SIBLE_HOST=0.0.0.0 \
    SIBLE_DATA_DIR=/data \
    SIBLE_PLAYBOOKS_DIR=/playbooks
USER sible
VOLUME ["/data", "/playbooks"]
EXPOSE 4000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.SIBLE_PORT || 4000) + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# playbooks leave orphans, and PID 1 inherits them; -s: also where something else is PID 1
ENTRYPOINT ["/usr/bin/tini", "-s", "--"]
CMD ["sh", "dist/server/start.sh"]
