import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bundle, manifestOf, modelStatement, newSigner, release } from '../../../tests/support/signed-models.ts';
import { AirlockError } from '../../core/index.ts';
import type { SignerEvidence, TrustedSigner } from '../provenance-types.ts';
import { collectStatements } from './collect-statements.ts';
import { Decision } from './decision.ts';
import type { SignatureFile } from './signature-set.ts';

const maker = newSigner();
const manifest = manifestOf('one');
const good = bundle(maker, modelStatement(manifest));

function signer(name: string, verify: () => SignerEvidence): TrustedSigner {
  return { name, kind: 'key', accept: [], verify };
}

const evidence: SignerEvidence = { signer: 'a', kind: 'certificate', keyId: 'ab'.repeat(32), subject: 'CN=a\u001b[2J' };
const believer = signer('a', () => evidence);

async function collect(contents: readonly (Buffer | string)[], signers: readonly TrustedSigner[]) {
  const decision = new Decision('p');
  async function* files(): AsyncGenerator<SignatureFile> {
    for (const [index, content] of contents.entries()) yield { name: `f${index}`, content };
  }
  const statements = await collectStatements(files(), { signers, deniedKeys: new Set(), nowMs: 0, decision });
  decision.begin('end');
  decision.pass('');
  return { ...statements, steps: decision.allowed().steps.slice(0, -1) };
}

describe('collectStatements()', () => {
  it('keeps what each signer said, and shows who that is without control characters', async () => {
    const { manifests, attestations, problem, steps } = await collect(
      [good, bundle(maker, release(manifest, 'm', 1n))],
      [believer],
    );
    expect(manifests).toEqual([{ file: 'f0', evidence: [evidence], manifest }]);
    expect(attestations).toMatchObject([{ file: 'f1', type: 'release' }]);
    expect(problem).toBeUndefined();
    expect(steps).toEqual([
      { rule: 'signer', outcome: 'passed', text: 'f0: model signature of a (certificate abababababab, CN=a\\u{1b}[2J)' },
      { rule: 'signer', outcome: 'passed', text: 'f1: release of a (certificate abababababab, CN=a\\u{1b}[2J)' },
    ]);
  });

  it('says which old form was accepted, and reads the statement in that form', async () => {
    const old = signer('a', () => ({ signer: 'a', kind: 'key', keyId: 'cd', legacy: 'raw-public-key' }));
    expect((await collect([good], [old])).steps[0].text).toContain('(key cd, in the old form raw-public-key)');
    const older = signer('a', () => ({ signer: 'a', kind: 'key', keyId: 'cd', legacy: 'v0.2' }));
    expect((await collect([good], [older])).problem).toMatchObject({ code: 'BUNDLE_UNSUPPORTED' });
  });

  it('passes on why a file could not be read', async () => {
    const { problem, steps } = await collect(['it is a symbolic link'], [believer]);
    expect(problem).toMatchObject({ code: 'BUNDLE_INVALID', message: 'it is a symbolic link' });
    expect(steps).toEqual([{ rule: 'bundle', outcome: 'skipped', text: 'f0: it is a symbolic link' }]);
  });

  it('takes a signer that fails in an unforeseen way for one that did not sign', async () => {
    const broken = signer('b', () => {
      throw new TypeError('unforeseen');
    });
    expect((await collect([good], [broken])).problem).toMatchObject({ code: 'SIGNER_UNTRUSTED' });
    expect((await collect([good], [broken, believer])).manifests).toHaveLength(1);
  });

  it('says so when nobody is left to compare with', async () => {
    const { problem } = await collect([good], []);
    expect(problem?.violations).toMatchObject([
      { expected: expect.stringContaining('does not deny'), got: expect.stringContaining('nobody') },
    ]);
  });

  it('tells of the file that came nearest', async () => {
    const doubter = (code: 'SIGNER_UNTRUSTED' | 'BUNDLE_UNSUPPORTED') =>
      signer('a', () => {
        throw new AirlockError(code);
      });
    expect((await collect(['broken'], [believer])).problem).toMatchObject({ message: 'broken' });
    expect((await collect(['broken', good], [doubter('SIGNER_UNTRUSTED')])).problem).toMatchObject({ code: 'SIGNER_UNTRUSTED' });
    const both = [doubter('BUNDLE_UNSUPPORTED'), doubter('SIGNER_UNTRUSTED'), doubter('BUNDLE_UNSUPPORTED')];
    expect((await collect(['broken', good, 'broken too'], both)).problem).toMatchObject({ code: 'BUNDLE_UNSUPPORTED' });
    const nonsense = bundle(maker, Buffer.from('[]'));
    expect((await collect([nonsense, 'broken'], [believer])).problem).toMatchObject({
      code: 'BUNDLE_INVALID',
      message: expect.not.stringContaining('broken'),
    });
  });

  it('never throws, whatever the files are', async () => {
    const changed = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 })).map(([place, byte]) => {
      const bytes = Buffer.from(good);
      bytes[place] = byte;
      return bytes;
    });
    const file = fc.oneof(
      fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
      changed,
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(file, { maxLength: 4 }), async (contents) => {
        const { manifests, attestations, steps } = await collect(contents, [believer]);
        expect(steps).toHaveLength(contents.length);
        expect(manifests.length + attestations.length).toBeLessThanOrEqual(contents.length);
      }),
    );
  });
});
