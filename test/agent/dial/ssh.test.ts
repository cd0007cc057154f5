import { upstreamsContract } from '../../contract/upstreams.ts';
import { addDeployKey, startTestAgent } from '../../support/agent.ts';
import { tempDir } from '../../support/git.ts';
import { startSshd } from '../../support/sshd.ts';

upstreamsContract({
  name: 'ssh',
  async start(t, root) {
    const sshd = await startSshd(t);
    const ssh = { url: `${sshd.url}${root}`, hostKeys: [sshd.hostKey] };
    const agent = await startTestAgent(t, tempDir(t, 'agent'), { host: { ssh } });
    sshd.authorize(await addDeployKey(agent, 'host'));
    return { upstreams: agent.upstreams, name: 'host' };
  },
});
