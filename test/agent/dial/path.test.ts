import { upstreamsContract } from '../../contract/upstreams.ts';
import { startTestAgent } from '../../support/agent.ts';
import { tempDir } from '../../support/git.ts';

upstreamsContract({
  name: 'path',
  async start(t, root) {
    const agent = await startTestAgent(t, tempDir(t, 'agent'), { disk: { path: { root } } });
    return { upstreams: agent.upstreams, name: 'disk' };
  },
});
