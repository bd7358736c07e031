// Unit tests lie beside the code, the rest in tests/. Coverage counts every file of src, also those that no test imports.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'tests/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two cores: more processes than that make the timing tests lie.
    maxWorkers: 2,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/**/*.test.ts', 'src/**/gen/**'],
      reporter: ['text-summary', 'json-summary'],
    },
  },
});
