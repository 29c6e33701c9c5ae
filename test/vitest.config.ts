import { defineConfig } from 'vitest/config';

// Everything here runs without root, network or wall-clock sleeps. `lab/` and `bench/` are programs of their own.
export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/lab/**', 'test/bench/**', 'node_modules/**'],
    pool: 'forks',
    testTimeout: 30_000,
    reporters: process.env['CI'] === undefined ? ['default'] : ['default'],
  },
});
