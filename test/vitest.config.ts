import { defineConfig } from 'vitest/config';

// Everything here runs without root, network or wall-clock sleeps. `lab/` and `bench/` are programs of their own.
export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/lab/**', 'test/bench/**', 'node_modules/**'],
    pool: 'forks',
    // By default vitest leaves one core idle: on two cores that is half of the machine.
    maxWorkers: '100%',
    // The longest takes five seconds on an idle machine; CI machines are not idle.
    testTimeout: 90_000,
  },
});
