// Unit tests lie beside the code, the rest in tests/. Coverage counts every file of src, also those that no test imports.
import { defineConfig } from 'vitest/config';

/** Folders of src that compute and start nothing: no timer, process or server of one test can reach into the next. */
const pure = ['config', 'core', 'cost', 'contract', 'model', 'scan', 'tensor'].map((folder) => `src/${folder}/**/*.test.ts`);

/** What Python's libraries, TensorFlow with its old versions and its hostile models, and the kernel's limits do: nothing that depends on the Node beside them. */
const anyNode = ['tests/conformance/**/*.test.ts', 'tests/security/{resources,vulnerable-runtime,hostile-models}/**/*.test.ts'];

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two cores: more processes than that make the timing tests lie.
    maxWorkers: 2,
    projects: [
      // One process loads the modules once for many files; to load them for each took more than half of the time.
      { extends: true, test: { name: 'pure', include: pure, isolate: false } },
      {
        extends: true,
        test: { name: 'alone', include: ['src/**/*.test.ts', 'tests/**/*.test.ts'], exclude: [...pure, ...anyNode] },
      },
      { extends: true, test: { name: 'any-node', include: anyNode } },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/**/*.test.ts', 'src/**/gen/**'],
      reporter: ['text-summary', 'json-summary'],
    },
  },
});
