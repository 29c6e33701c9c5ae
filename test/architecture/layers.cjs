// The plan of the house as rules: which room may look into which. See the main README for the picture.

/** The core speaks of what a PCP server said, never of how it is written. */
const PCP_WORDS = ['result-code', 'map-request', 'map-outcome', 'mapping-nonce', 'renewal-time'].map(
  (word) => `pcp/asking/${word}`,
);
const PUT_TOGETHER = [
  'base',
  'config',
  'mapping',
  'interworking',
  'packet-filter',
  'upstream',
  'lan',
  'operator',
  'pcp',
  'upnp',
];

/** Room → what it may import, besides itself: a room, or one file or folder of a room. */
const MAY_IMPORT = {
  base: [],
  platform: ['base'],
  config: ['base'],
  pcp: ['base'],
  upnp: ['base'],
  mapping: ['base'],
  simulator: ['base', 'config', 'pcp'],
  interworking: ['base', 'mapping', ...PCP_WORDS],
  'packet-filter': ['base', 'mapping', 'interworking/local-nat'],
  upstream: ['base', 'config', 'interworking/pcp-service', 'pcp'],
  lan: ['base', 'config', 'interworking', 'mapping', 'upnp', 'pcp/asking/result-code'],
  operator: ['base', 'config', 'interworking', 'mapping', 'pcp/asking/result-code', 'lan/lan-side'],
  doctor: ['base', 'config', 'pcp', 'upstream', 'lan/lan-addresses'],
  library: ['base', 'config', 'pcp', 'upstream', 'interworking/pcp-service', 'platform'],
  cli: ['base', 'config', 'operator', 'simulator', 'packet-filter'],
  daemon: PUT_TOGETHER,
};
const pathOf = (place) => (place.includes('/') ? `^src/${place}(\\.ts$|/)` : `^src/${place}/`);

const roomRules = Object.entries(MAY_IMPORT).map(([room, others]) => ({
  name: `${room}-keeps-to-its-neighbours`,
  comment: `${room} may import: ${others.join(', ') || 'nothing'}`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^src/', pathNot: [room, ...others].map(pathOf) },
}));

module.exports = {
  forbidden: [
    ...roomRules,
    {
      name: 'only-the-entries-open-the-platform',
      comment: 'main.ts for the daemon, library/library.ts for the published client',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main\\.ts$|library/library\\.ts$|platform/)' },
      to: { path: '^src/platform/' },
    },
    {
      name: 'node-modules-of-node-stay-in-the-platform',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main\\.ts$|library/library\\.ts$|platform/)' },
      to: { dependencyTypes: ['core'] },
    },
    ...[
      ['express', 'platform/http-server'],
      ['node-ssdp', 'platform/ssdp-sockets'],
      ['pino', 'platform/node-log'],
      ['fast-xml-parser', 'base/xml'],
      ['@nodable/entities', 'base/xml'],
      ['smol-toml', 'config/config-reader'],
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
      from: { path: '^src/(main|library/library)\\.ts$' },
      to: { path: '^src/', pathNot: '\\.d\\.ts$|^src/(main|library/library)\\.ts$', reachable: false },
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
    exclude: { path: '^(dist|test/(lab|bench)|test/library/library-example)' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.cjs', '.js', '.json', '.xml', '.md'],
    },
  },
};
