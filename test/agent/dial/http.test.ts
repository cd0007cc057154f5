import { randomBytes } from 'node:crypto';
import { upstreamsContract } from '../../contract/upstreams.ts';
import { addLogin, startTestAgent } from '../../support/agent.ts';
import { tempDir } from '../../support/git.ts';
import { makeCertificate, startHttpBackend } from '../../support/http-backend.ts';

for (const scheme of ['http', 'https'] as const) {
  upstreamsContract({
    name: scheme,
    async start(t, root) {
      const dir = tempDir(t, 'agent');
      const login = { user: 'robot', password: randomBytes(12).toString('hex') };
      const certificate = scheme === 'https' ? await makeCertificate(dir) : undefined;
      const backend = await startHttpBackend(t, {
        root,
        login,
        ...(certificate ? { tls: certificate } : {}),
      });
      const ca = certificate ? { ca: certificate.certFile } : {};
      const agent = await startTestAgent(t, dir, { host: { http: { url: backend.url, ...ca } } });
      await addLogin(agent, 'host', login);
      return { upstreams: agent.upstreams, name: 'host' };
    },
  });
}
