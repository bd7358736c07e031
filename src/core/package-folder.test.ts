import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { packageFolder } from './package-folder.ts';

const root = mkdtempSync(path.join(tmpdir(), 'airlock-test-package-folder-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function addPackage(folder: string, name: string): string {
  const place = path.join(root, folder, 'node_modules', name);
  mkdirSync(place, { recursive: true });
  writeFileSync(path.join(place, 'package.json'), '{}');
  return place;
}

it('finds the nearest package, in a folder above as well, and not one without package.json', () => {
  const outer = addPackage('', '@scope/one');
  const inner = addPackage('a/b', '@scope/one');
  mkdirSync(path.join(root, 'a', 'node_modules', '@scope', 'one'), { recursive: true });
  expect(packageFolder('@scope/one', path.join(root, 'a', 'b', 'c'))).toBe(inner);
  expect(packageFolder('@scope/one', path.join(root, 'a'))).toBe(outer);
});

it('says which package is not there', () => {
  expect(() => packageFolder('not-there-at-all', root)).toThrow(
    expect.objectContaining({ code: 'ENVIRONMENT_LACKING', detail: 'the package not-there-at-all is not installed' }),
  );
});
