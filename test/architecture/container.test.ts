import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadPolicy } from '../../src/policy/load.ts';
import { upstreamDefinitionsSchema } from '../../src/upstream/link-definition.ts';
import { root } from '../support/root.ts';

const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const dockerfile = read('Dockerfile').replace(/\\\n/g, ' ');

test('what the image copies exists, is compiled or installed in its first stage, and is not ignored', () => {
  const allowed = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  const copies = [...dockerfile.matchAll(/^COPY (--from=build )?(.+) \S+$/gm)];
  assert.ok(copies.length >= 6);
  for (const [, from, sources = ''] of copies) {
    for (const source of sources.split(' ')) {
      if (from !== undefined) assert.ok(['/app/node_modules', '/app/dist'].includes(source), source);
      else assert.ok(existsSync(join(root, source)) && allowed.includes(source), source);
    }
  }
});

test('the image runs as a user without rights, and holds packages that the lock file pins', () => {
  const [, runtime = ''] = dockerfile.split(/^FROM .*\n/m).slice(1);
  assert.match(runtime, /^USER node$/m);
  assert.ok(runtime.indexOf('USER node') > runtime.lastIndexOf('RUN '), 'something runs as root after USER');
  assert.doesNotMatch(dockerfile, /npm (install|i) /);
  assert.match(dockerfile, /npm ci --omit=dev/);
});

test('both binaries are in the image, and they start what is compiled', () => {
  for (const name of ['refgate', 'refgate-agent']) {
    assert.match(dockerfile, new RegExp(`ln -s /app/bin/${name}\\.js /usr/local/bin/${name}( |$)`, 'm'));
    const script = read(`bin/${name}.js`);
    assert.match(script, /^#!\/usr\/bin\/env -S node --single-threaded-gc\n/);
    const main = /import '\.\.\/dist\/(src\/[a-z]+\/main)\.js'/.exec(script)?.[1];
    assert.ok(existsSync(join(root, `${main}.ts`)), `bin/${name}.js starts ${main}`);
  }
});

const composeSchema = z.object({
  services: z.record(
    z.string(),
    z.object({
      read_only: z.literal(true),
      cap_drop: z.tuple([z.literal('ALL')]),
      security_opt: z.array(z.string()),
      volumes: z.array(z.string()),
      networks: z.array(z.string()),
    }),
  ),
});

test('in the compose file, gateway and agent are hardened alike and share the socket volume alone', () => {
  const { services } = composeSchema.parse(parse(read('deploy/compose.yaml'), { merge: true }));
  const { gateway, agent } = services;
  assert.ok(gateway && agent);
  for (const service of [gateway, agent]) assert.ok(service.security_opt.includes('no-new-privileges:true'));
  const sources = (volumes: readonly string[]): string[] =>
    volumes.map((volume) => volume.split(':')[0] ?? '');
  const shared = sources(gateway.volumes).filter((source) => sources(agent.volumes).includes(source));
  assert.deepEqual(shared, ['link']);
  assert.deepEqual(
    gateway.networks.filter((network) => agent.networks.includes(network)),
    [],
  );
  for (const source of sources([...gateway.volumes, ...agent.volumes])) {
    if (source.startsWith('./') && source !== './tls')
      assert.ok(existsSync(join(root, 'deploy', source)), source);
  }
});

test('the examples of deploy are valid: the policy, and upstreams that gateway and agent agree on', () => {
  loadPolicy(read('deploy/policy.yaml'), 'deploy/policy.yaml');
  const agentSide = upstreamDefinitionsSchema.parse(JSON.parse(read('deploy/upstreams.json')));
  const gatewaySide = z
    .object({ upstreams: z.unknown() })
    .parse(parse(read('deploy/refgate.yaml'))).upstreams;
  assert.deepEqual(agentSide, gatewaySide);
});
