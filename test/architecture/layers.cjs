// The plan of the house as rules: which room may look into which. See the main README for the picture.

const ROOMS = [
  'base',
  'pcp',
  'upnp',
  'mapping',
  'local-nat',
  'interworking',
  'igd',
  'simulator',
  'operator',
  'daemon',
  'platform',
];

/** Room → rooms it may import, besides itself. */
const MAY_IMPORT = {
  base: [],
  pcp: ['base'],
  upnp: ['base'],
  mapping: ['base'],
  'local-nat': ['base', 'mapping'],
  simulator: ['base', 'pcp'],
  interworking: ['base', 'mapping', 'local-nat', 'pcp', 'upnp'],
  igd: ['base', 'mapping', 'interworking', 'upnp'],
  operator: ['base', 'mapping', 'interworking', 'pcp'],
  daemon: ROOMS.filter((room) => room !== 'platform'),
  platform: ['base'],
};

// Interworking and the operator's pages speak of outcomes, not of octets.
const PCP_WORDS = 'result-code|map-request|map-outcome|mapping-nonce|renewal-time';
const UPNP_WORDS = 'upnp-error';

const roomRules = ROOMS.map((room) => ({
  name: `${room}-keeps-to-its-neighbours`,
  comment: `${room} may import: ${MAY_IMPORT[room].join(', ') || 'nothing'}`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^src/', pathNot: [room, ...MAY_IMPORT[room]].map((other) => `^src/${other}/`) },
}));

module.exports = {
  forbidden: [
    ...roomRules,
    {
      name: 'only-words-of-pcp',
      comment: 'interworking and operator see what PCP says, never how it is written',
      severity: 'error',
      from: { path: '^src/(interworking|operator)/' },
      to: { path: '^src/pcp/', pathNot: `^src/pcp/(${PCP_WORDS})\\.ts$` },
    },
    {
      name: 'only-words-of-upnp',
      comment: 'interworking names UPnP errors, it does not speak SOAP',
      severity: 'error',
      from: { path: '^src/interworking/' },
      to: { path: '^src/upnp/', pathNot: `^src/upnp/(${UPNP_WORDS})\\.ts$` },
    },
    {
      name: 'only-the-entries-open-the-platform',
      comment: 'main.ts for the daemon, library.ts for the published client',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main\\.ts$|library\\.ts$|platform/)' },
      to: { path: '^src/platform/' },
    },
    {
      name: 'node-modules-of-node-stay-in-the-platform',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main\\.ts$|library\\.ts$|platform/)' },
      to: { dependencyTypes: ['core'] },
    },
    ...[
      ['express', 'platform/http-server'],
      ['node-ssdp', 'platform/ssdp-sockets'],
      ['pino', 'platform/node-log'],
      ['fast-xml-parser', 'base/xml'],
      ['@nodable/entities', 'base/xml'],
      ['smol-toml', 'daemon/config-file'],
      ['valibot', 'operator/api-schema'],
    ].map(([name, home]) => ({
      name: `one-home-for-${name.replace(/\W/g, '-')}`,
      comment: 'a package has one importer, so that it can be changed in one place',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/${home}\\.ts$` },
      to: { path: `^node_modules/${name}/` },
    })),
    { name: 'no-cycles', severity: 'error', from: { path: '^(src|test)/' }, to: { circular: true } },
    {
      name: 'no-dead-rooms',
      comment: 'what neither the daemon nor the library reaches is dead',
      severity: 'error',
      from: { path: '^src/(main|library)\\.ts$' },
      to: { path: '^src/', pathNot: '\\.d\\.ts$|^src/(main|library)\\.ts$', reachable: false },
    },
    {
      name: 'no-orphans',
      comment: 'code that nobody reaches is dead',
      severity: 'error',
      from: { path: '^src/', orphan: true, pathNot: '\\.d\\.ts$' },
      to: {},
    },
    { name: 'src-never-imports-test', severity: 'error', from: { path: '^src/' }, to: { path: '^test/' } },
    {
      // All of them are development packages: what is shipped carries them in its bundle.
      name: 'shipped-code-needs-named-packages',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'], pathNot: '^node_modules/@types/' },
    },
    { name: 'everything-resolves', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // The example speaks to the built library, as its users do.
    exclude: { path: '^(dist|test/(lab|bench)|test/library-example)' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.cjs', '.js', '.json', '.xml', '.md'],
    },
  },
};
