/** How we name ourselves to clients and upstreams. package.json has the same version; a test compares them. */
export const version = '0.1.0';

/** For `agent=` capabilities and HTTP headers. */
export const agentName = `refgate/${version}`;
