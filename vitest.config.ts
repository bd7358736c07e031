// Unit tests lie beside the code, the rest in tests/. Coverage counts every file of src, also those that no test imports.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** Unit tests that put something else in the place of a module, which every test after them in the same process would get as well. */
const mocking = readdirSync(join(import.meta.dirname, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `src/${name}`)
  .filter((name) => /\bvi\.(?:mock|doMock)\(/.test(readFileSync(join(import.meta.dirname, name), 'utf8')));

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
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.ts'], exclude: mocking, isolate: false } },
      { extends: true, test: { name: 'alone', include: ['tests/**/*.test.ts', ...mocking], exclude: anyNode } },
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
