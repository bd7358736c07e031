import { expect, it } from 'vitest';
import { builtFile } from './built-file.ts';

it.each([
  ['file:///a/dist/worker/index.js', '/a/dist/worker/main.js'],
  ['file:///a/src/worker/index.ts', '/a/dist/worker/main.js'],
  ['file:///src/worker/src/worker/index.ts', '/src/worker/dist/worker/main.js'],
  ['file:///src/a/src/worker/deep/index.ts', '/src/a/dist/worker/deep/main.js'],
  ['file:///a%20b/src/worker/index.ts', '/a b/dist/worker/main.js'],
])('builtFile() finds beside %s the file %s', (moduleUrl, file) => {
  expect(builtFile(moduleUrl, 'main.js')).toBe(file);
});
