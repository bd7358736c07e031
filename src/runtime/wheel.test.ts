// Properties of the wheel reader on bytes that an attacker chose. The refusals by kind are in tests/security/runtime-install.test.ts.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { honestEntries, pinOf, sha256Of, writeZip } from '../../tests/security/fake-wheel.ts';
import { isAirlockError } from '../core/index.ts';
import { extractWheel, faultOfName } from './wheel.ts';

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'airlock-wheel-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const honest = writeZip(honestEntries);
const { files } = pinOf(honest);

/** What unpacking these bytes gives: the names that were written, or the error's code. */
async function unpack(bytes: Uint8Array): Promise<{ readonly code: string | undefined; readonly intact: boolean }> {
  const directory = mkdtempSync(join(root, 'out-'));
  const path = join(directory, '..', 'wheel');
  writeFileSync(path, bytes);
  const wheel = await open(path, 'r');
  try {
    await extractWheel(wheel, { files, directory });
    const intact = files.every((file) => sha256Of(readFileSync(join(directory, file.name))) === file.sha256);
    return { code: undefined, intact: intact && readdirSync(directory).length === files.length };
  } catch (error) {
    if (!isAirlockError(error)) throw error;
    return { code: error.code, intact: false };
  } finally {
    await wheel.close();
    rmSync(directory, { recursive: true });
  }
}

describe('extractWheel', () => {
  it('takes the pinned files out of an honest wheel', async () => {
    expect(await unpack(honest)).toEqual({ code: undefined, intact: true });
  });

  it('refuses bytes that are no wheel', async () => {
    const property = fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
      expect((await unpack(bytes)).code).toBe('RUNTIME_WHEEL_INVALID');
    });
    await fc.assert(property, { numRuns: 100 });
  });

  it('refuses every truncation', async () => {
    const property = fc.asyncProperty(fc.integer({ min: 0, max: honest.length - 1 }), async (length) => {
      expect((await unpack(honest.subarray(0, length))).code).toBe('RUNTIME_WHEEL_INVALID');
    });
    await fc.assert(property, { numRuns: 100 });
  });

  it('gives the pinned bytes or refuses, whichever bytes are changed', async () => {
    const change = fc.record({ at: fc.nat(honest.length - 1), value: fc.integer({ min: 0, max: 255 }) });
    const property = fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      const bytes = Buffer.from(honest);
      for (const { at, value } of changes) bytes[at] = value;
      const result = await unpack(bytes);
      expect(result.intact || result.code === 'RUNTIME_WHEEL_INVALID').toBe(true);
    });
    await fc.assert(property, { numRuns: 300 });
  });
});

describe('faultOfName', () => {
  it('lets no name pass that leaves a folder or means the folder itself', () => {
    const part = fc.oneof(fc.constantFrom('..', '.', '', '/', '\\', 'a', ' '), fc.string({ maxLength: 4 }));
    const property = fc.property(fc.array(part, { maxLength: 6 }), fc.constantFrom('/', ''), (parts, separator) => {
      const name = parts.join(separator);
      if (faultOfName(name) === undefined) expect(resolve('/slot', name).startsWith('/slot/')).toBe(true);
    });
    fc.assert(property, { numRuns: 2000 });
  });

  it.each(['a', 'a/', 'a/b.txt', 'tensorflow/libtensorflow_cc.so.2', '..a/b..', 'a b'])('accepts %j', (name) => {
    expect(faultOfName(name)).toBeUndefined();
  });

  it.each(['', '/', '..', 'a/..', './a', 'a//b', '/a', 'C:a', 'a\\b', 'a\u0000b', 'é', 'a'.repeat(1025)])(
    'refuses %j',
    (name) => {
      expect(faultOfName(name)).toBeDefined();
    },
  );
});
