import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AirlockError } from '../core/index.ts';
import { npmAdvisories } from './npm-advisories.ts';
import { npmLock, npmPackages } from './npm-lock.ts';

const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const lock = (packages: object) => bytes({ lockfileVersion: 3, packages });

describe('npmPackages()', () => {
  it('lists what Airlock itself runs with, each with a digest', () => {
    const own = readFileSync(new URL('../../package-lock.json', import.meta.url));
    const { packages, root } = npmLock(own);
    expect(packages.length).toBeGreaterThan(50);
    expect(packages.filter(({ hasIntegrity }) => !hasIntegrity)).toEqual([]);
    expect(packages.map(({ name }) => name)).toContain('fastify');
    expect(packages.map(({ name }) => name)).not.toContain('vitest');
    expect(root.dependencies).toHaveProperty('fastify');
    expect(root).not.toHaveProperty('devDependencies');
  });

  it('leaves out what is for development, linked or the project itself', () => {
    const found = npmPackages(
      lock({
        '': { name: 'me', version: '1.0.0' },
        'node_modules/a': { version: '1.0.0', integrity: 'sha512-x' },
        'node_modules/b': { version: '1.0.0', integrity: 'sha512-x', dev: true },
        'node_modules/c': { version: '1.0.0', link: true },
        'packages/d': { version: '1.0.0' },
      }),
    );
    expect(found).toEqual([{ name: 'a', version: '1.0.0', hasIntegrity: true }]);
  });

  it('names inner and scoped packages, takes aliases by their real name, and misses a digest once', () => {
    const found = npmPackages(
      lock({
        'node_modules/@x/a': { version: '1.0.0', integrity: 'sha512-x' },
        'node_modules/b/node_modules/@x/a': { version: '1.0.0' },
        'node_modules/b/node_modules/c': { version: '2.0.0', inBundle: true },
        'node_modules/alias': { name: 'real', version: '3.0.0', integrity: 'sha512-x' },
      }),
    );
    expect(found).toEqual([
      { name: '@x/a', version: '1.0.0', hasIntegrity: false },
      { name: 'c', version: '2.0.0', hasIntegrity: true },
      { name: 'real', version: '3.0.0', hasIntegrity: true },
    ]);
  });

  it('refuses what is no lock file, and never fails otherwise', () => {
    for (const value of [null, [], {}, { lockfileVersion: 1, packages: {} }, { lockfileVersion: 3, packages: { a: 1 } }])
      expect(() => npmPackages(bytes(value))).toThrow(expect.objectContaining({ code: 'USAGE' }));
    expect(() => npmPackages(Buffer.alloc(16 * 1024 * 1024 + 1, 0x20))).toThrow(/more than/);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.record({ lockfileVersion: fc.constantFrom(2, 3), packages: fc.dictionary(fc.string(), fc.jsonValue()) }),
        ),
        (value) => {
          try {
            for (const { name } of npmPackages(bytes(value))) expect(name).not.toMatch(/\p{Cc}/u);
          } catch (thrown) {
            expect(AirlockError.from(thrown).code).toBe('USAGE');
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('shows no control character that a lock file holds', () => {
    expect(npmPackages(lock({ 'node_modules/a\u001b[2J': { version: '1\n2' } }))).toEqual([
      { name: 'a\\u{1b}[2J', version: '1\\u{a}2', hasIntegrity: false },
    ]);
  });
});

describe('npmAdvisories()', () => {
  const answer = (vulnerabilities: object, prod = 140) =>
    JSON.stringify({ auditReportVersion: 2, vulnerabilities, metadata: { dependencies: { prod } } });
  const one = {
    name: 'lodash',
    severity: 'high',
    range: '<4.17.21',
    via: [
      'other',
      {
        title: 'Command\u001b injection',
        url: 'https://example.org/GHSA-35jh-r3h4-6jhm',
        severity: 'moderate',
        range: '<4.17.21',
      },
    ],
  };

  it('reads what npm answers', () => {
    expect(npmAdvisories(answer({}))).toEqual([]);
    expect(npmAdvisories(answer({ lodash: one, worse: { ...one, name: 'worse', via: [{ severity: 'critical' }] } }))).toEqual([
      { package: 'worse', severity: 'critical', title: 'a published vulnerability', range: '<4.17.21' },
      { package: 'lodash', severity: 'medium', title: 'Command\\u{1b} injection', range: '<4.17.21', id: 'GHSA-35jh-r3h4-6jhm' },
    ]);
  });

  it('does not take an answer about nothing, an error or a text for clean', () => {
    // What npm 11.19.1 answered for a lock file none of whose packages the project depended on.
    expect(npmAdvisories(answer({}, 1))).toBeUndefined();
    expect(
      npmAdvisories('{"message":"405 Method Not Allowed","statusCode":405,"error":{"summary":"","detail":""}}'),
    ).toBeUndefined();
    for (const text of ['', 'npm: not found', '[]', 'null', answer({ a: 1 })]) expect(npmAdvisories(text)).toBeUndefined();
    fc.assert(fc.property(fc.json(), (text) => void npmAdvisories(text)));
  });
});
