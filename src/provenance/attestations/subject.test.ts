// What a statement is about: one model by its content, and every digest that it gives must fit.
import { describe, expect, it } from 'vitest';
import type { Manifest, Statement } from '../provenance-types.ts';
import { subjectMatches, subjectOf } from './subject.ts';

const root = 'a'.repeat(64);
const identity = 'b'.repeat(64);
const manifest: Manifest = { hashType: 'sha256', files: [{ name: '.', digest: 'c'.repeat(64) }], ignored: [], root, identity };

function about(...subjects: Statement['subjects']): Statement {
  return { predicateType: 'x', subjects, predicate: {} };
}

describe('subjectMatches()', () => {
  it('accepts its own subject, one with the root alone, and any name', () => {
    expect(subjectMatches(about(subjectOf(manifest, 'digits')), manifest)).toBe(true);
    expect(subjectMatches(about({ name: '', digest: { sha256: root } }), manifest)).toBe(true);
  });

  it.each<[string, Statement['subjects']]>([
    ['no subject', []],
    ['two subjects, both right', [subjectOf(manifest, 'a'), subjectOf(manifest, 'b')]],
    ['no digest', [{ name: 'a', digest: {} }]],
    ['only our own identity', [{ name: 'a', digest: { manifestSha256: identity } }]],
    ['another root', [{ name: 'a', digest: { sha256: 'd'.repeat(64), manifestSha256: identity } }]],
    ['another identity', [{ name: 'a', digest: { sha256: root, manifestSha256: 'd'.repeat(64) } }]],
    ['root and identity exchanged', [{ name: 'a', digest: { sha256: identity, manifestSha256: root } }]],
    ['a digest that cannot be checked', [{ name: 'a', digest: { sha256: root, sha512: root } }]],
    ['large letters', [{ name: 'a', digest: { sha256: root.toUpperCase() } }]],
  ])('refuses %s', (_what, subjects) => expect(subjectMatches(about(...subjects), manifest)).toBe(false));

  it('does not look for digests in the prototype', () => {
    const digest: Record<string, string> = Object.create({ sha256: root });
    expect(subjectMatches(about({ name: 'a', digest }), manifest)).toBe(false);
  });
});
