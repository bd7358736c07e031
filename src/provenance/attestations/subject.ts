// What every attestation must be about: one model, by its content. The name of a subject is never compared, because it proves nothing.
import type { Manifest, Statement } from '../provenance-types.ts';

/** The subject of a statement about the files of `manifest`. `name` is for people. */
export function subjectOf(manifest: Manifest, name: string): Statement['subjects'][number] {
  return { name, digest: { sha256: manifest.root, manifestSha256: manifest.identity } };
}

/**
 * True when a statement is about exactly one thing, and that is the content of `manifest`. `sha256` must be there; so says every tool that
 * writes about models. It does not cover names, so `manifestSha256`, which does, must fit where it is there. A digest of any other kind
 * cannot be checked and makes the answer no.
 */
export function subjectMatches(statement: Statement, manifest: Manifest): boolean {
  const [subject, another] = statement.subjects;
  if (subject === undefined || another !== undefined) return false;
  const own = new Map([
    ['sha256', manifest.root],
    ['manifestSha256', manifest.identity],
  ]);
  const digests = Object.entries(subject.digest);
  return digests.some(([kind]) => kind === 'sha256') && digests.every(([kind, digest]) => own.get(kind) === digest);
}
