# Refgate: gateway and agent in one image. Runs as a user without rights on a read-only root file system; only
# /data and /run/refgate are written.
#
#   docker build -t refgate .
#   docker run --init --read-only -v refgate-data:/data -v ./refgate:/etc/refgate:ro -p 2222:2222 -p 8443:8443 refgate

FROM node:24-slim AS build
# The native binding of ssh2 is compiled.
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 make g++ \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json ./
COPY scripts/copy-files.mjs ./scripts/
COPY src ./src
RUN npx tsc -p tsconfig.json && node scripts/copy-files.mjs dist && npm ci --omit=dev
# ssh2 falls back to JavaScript without a word; here it must not.
RUN node -e "require('ssh2/lib/protocol/crypto/build/Release/sshcrypto.node')"

FROM node:24-slim
# git serves upstreams that are folders of bare repositories (`path:`).
RUN apt-get update \
 && apt-get install -y --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o node -g node -m 0700 /data /run/refgate
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
COPY bin ./bin
# Policies to begin with.
COPY fixtures/policy ./fixtures/policy
RUN ln -s /app/bin/refgate.js /usr/local/bin/refgate && ln -s /app/bin/refgate-agent.js /usr/local/bin/refgate-agent
ENV NODE_ENV=production
USER node
VOLUME ["/data", "/run/refgate"]
EXPOSE 2222 8443
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch('http://' + (process.env.REFGATE_OPS || '127.0.0.1:9090') + '/livez').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["refgate", "serve", "--config", "/etc/refgate/refgate.yaml"]
