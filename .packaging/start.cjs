// Starts igd2pcp.cjs, which lies beside it, from V8's compiled form of it where there is one that may be trusted; the
// packages make one when they are installed (IGD2PCP_COMPILE=1 igd2pcp version). Without one it only starts slower.
// V8 runs such a form without a look at the source: so whoever could write it could run code as whoever starts us.

const {
  chmodSync,
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} = require('node:fs');
const { setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');

const PROGRAM = `${__dirname}/igd2pcp.cjs`;
const COMPILED = `${__dirname}/igd2pcp.compiled`;
const LINE_FEED = 10;

// Memory before speed while it starts: what runs once is not worth the optimizing compiler's memory, and Maglev is never worth
// its (Node.js 24: 50 MiB with 2,000 mappings). These switches change with V8, and a Node.js refuses to start with one it does
// not know: so not on the command line.
const SWITCHES = {
  11: ['--optimize-for-size', '--interrupt-budget=2000000'],
  12: ['--optimize-for-size', '--invocation-count-for-turbofan=90000'],
  13: ['--optimize-for-size', '--invocation-count-for-turbofan=90000', '--no-maglev'],
};
// Afterwards what clients ask again and again is: a fifth less time per mapping for 3 MiB.
const SWITCHES_WHEN_UP = {
  11: ['--interrupt-budget=250000', '--ticks-before-optimization=1', '--bytecode-size-allowance-per-tick=600'],
};
const UP_AFTER_MS = 1500;
setSwitches(SWITCHES);
setTimeout(setSwitches, UP_AFTER_MS, SWITCHES_WHEN_UP).unref();

load().call(exports, exports, require, module, PROGRAM, __dirname);

function setSwitches(byVersionOfV8) {
  for (const one of byVersionOfV8[process.versions.v8.split('.')[0]] ?? []) setFlagsFromString(one);
}

function load() {
  const isCompiling = process.env.IGD2PCP_COMPILE === '1';
  const source = wrapped(readFileSync(PROGRAM));
  // V8 itself refuses what another version of it wrote, and some versions what was written under other flags.
  const script = new Script(source, { filename: PROGRAM, cachedData: isCompiling ? undefined : compiled() });
  // At the end, when what a start needs has been compiled.
  if (isCompiling) process.on('exit', () => keep(script.createCachedData()));
  return script.runInThisContext();
}

/** As Node wraps a module; the first line of the program is for the shell. Lines keep their numbers. */
function wrapped(program) {
  const head = Buffer.from('(function (exports, require, module, __filename, __dirname) {');
  return Buffer.concat([head, program.subarray(program.indexOf(LINE_FEED)), Buffer.from('\n})')]).toString();
}

function compiled() {
  let file;
  try {
    file = openSync(COMPILED, 'r');
    const found = fstatSync(file);
    // V8 compares no more of the source than its length: an older one may be another version's.
    const isOfThisProgram = found.ctimeMs > statSync(PROGRAM).ctimeMs;
    return isOfThisProgram && isTrusted(found) && isTrusted(statSync(__dirname)) ? readFileSync(file) : undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Only root or this very user can have written it. */
function isTrusted({ uid, mode }) {
  return (uid === 0 || uid === process.getuid()) && (mode & 0o022) === 0;
}

function keep(bytes) {
  const unfinished = `${COMPILED}.${process.pid}`;
  try {
    writeFileSync(unfinished, bytes, { flag: 'wx', mode: 0o600 });
    // Every user's commands start from it, whatever the umask of the one who installs.
    chmodSync(unfinished, 0o644);
    renameSync(unfinished, COMPILED);
  } catch (error) {
    console.error(`igd2pcp: starts will be slower: ${error.message}`);
  }
}
