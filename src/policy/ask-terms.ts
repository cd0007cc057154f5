/** In `from`, stands for the owners of the changed files; no group can be asked under this name. */
export const codeownersName = 'codeowners';

/** How long an approval may take where the policy does not say, in ms. */
export const defaultWithin = 30 * 60_000;

/** How long an approval may take at most, in ms: what waits longer is on nobody's mind, and keeps its place on disk. */
export const maxWithin = 14 * 86_400_000;

/** How long a client waits where the policy does not say, in ms: for longer, connections and people give up. */
export const maxDefaultWait = 10 * 60_000;
