/**
 * The import table, made from scripts/rooms.json: a room imports what its row
 * names, and nothing else. test/architecture plants violations and counts
 * modules, so that a run that saw nothing does not pass.
 */
const rooms = require('./scripts/rooms.json');

const names = Object.keys(rooms);
const pure = names.filter((room) => rooms[room].pure);

const rows = names.map((room) => ({
  name: `room-${room}`,
  comment: `${room} may import: ${rooms[room].mayImport.join(', ') || 'nothing of ours'}`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: {
    path: '^(src|test|bench|scripts)/',
    pathNot: `^src/(${[room, ...rooms[room].mayImport].join('|')})/`,
  },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...rows,
    {
      name: 'room-unknown',
      comment: 'every folder of src has a row in scripts/rooms.json',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(${names.join('|')})/` },
      to: {},
    },
    {
      name: 'room-unknown-target',
      comment: 'every folder of src has a row in scripts/rooms.json',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: `^src/(${names.join('|')})/` },
    },
    {
      name: 'pure-no-io',
      comment: `${pure.join(', ')} use nothing of Node but buffer, crypto, util and zlib (types are free)`,
      severity: 'error',
      from: { path: `^src/(${pure.join('|')})/` },
      to: {
        dependencyTypes: ['core'],
        dependencyTypesNot: ['type-only'],
        pathNot: '^(node:)?(buffer|crypto|util|zlib)$',
      },
    },
    {
      name: 'pure-no-packages',
      comment: 'domain and git depend on no package',
      severity: 'error',
      from: { path: '^src/(domain|git)/' },
      to: { path: '(^|/)node_modules/', dependencyTypesNot: ['type-only', 'core'] },
    },
    {
      name: 'credential-boundary',
      comment: 'only the agent sees a credential: nobody else imports its vault, or anything of it',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/agent/' },
      to: { path: '^src/agent/' },
    },
    {
      name: 'agent-link-only',
      comment: 'of upstream, the agent shares the format of the link and nothing more',
      severity: 'error',
      from: { path: '^src/agent/' },
      to: { path: '^src/upstream/', pathNot: '^src/upstream/link' },
    },
    {
      name: 'cycle',
      comment: 'no cycles, of types neither',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'unresolved',
      comment: 'an import that does not resolve hides a dependency from this table',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'dev-package',
      comment: 'src runs with the packages that are installed with --omit=dev',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // What browsers load is no module of the program.
    exclude: { path: '^src/web/assets/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
