// What is fuzzed, and what must hold for every input: only the error codes that the function names, no meaning that a second
// reader does not share, and nothing that verifies but what was signed.
import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  isCanonicalName,
  makeManifest,
  parseBundle,
  parseStatement,
  parseStrictJson,
  readManifest,
} from '../../dist/provenance/format/index.js';
import { loadSigner } from '../../dist/provenance/signers/index.js';
import { makeBundle, makeStatement } from './material.js';
import { mutateBytes, mutateDer, mutateJsonText, mutateJsonValue } from './mutations.js';

/** Runs `attempt`; an error with another code than these is a finding. Undefined when it refused. */
function refusing(codes, attempt) {
  try {
    return attempt();
  } catch (thrown) {
    if (!codes.includes(thrown?.code)) throw thrown;
    return undefined;
  }
}

const json = (value) => Buffer.from(JSON.stringify(value));
const bundleCodes = ['BUNDLE_INVALID', 'BUNDLE_UNSUPPORTED'];
const signerCodes = [...bundleCodes, 'SIGNER_UNTRUSTED'];

/** Of all objects inside `value`; fewer than a text has means that one came twice. */
function countKeys(value) {
  if (typeof value !== 'object' || value === null) return 0;
  const inside = Object.values(value).reduce((sum, inner) => sum + countKeys(inner), 0);
  return inside + (Array.isArray(value) ? 0 : Object.keys(value).length);
}

/**
 * By name: `make(random)` gives an input as bytes, `check(bytes)` throws on a finding and says whether the input was accepted.
 */
export async function makeTargets(authorities, folder) {
  const statement = makeStatement();
  const payload = json(statement);
  const keyBundle = await makeBundle(payload, authorities.leafKey);
  const chainBundle = await makeBundle(payload, authorities.leafKey, authorities.chain, authorities.stamp);
  const files = { root: join(folder, 'root.pem'), stamper: join(folder, 'stamper.pem'), damaged: join(folder, 'damaged') };
  writeFileSync(files.root, authorities.root, { mode: 0o600 });
  writeFileSync(files.stamper, authorities.stamperRoot, { mode: 0o600 });
  const crls = authorities.lists.map((der, index) => {
    const path = join(folder, `${index}.crl`);
    writeFileSync(path, der, { mode: 0o600 });
    return path;
  });
  const certificates = (change = {}) => ({
    kind: 'certificate',
    accept: [],
    roots: [files.root],
    intermediates: [],
    identity: { email: 'release@example.com' },
    crls,
    timestampAuthorities: [files.stamper],
    ...change,
  });
  const signer = await loadSigner('fuzz', certificates());
  const evidence = signer.verify(parseBundle(json(chainBundle)), Date.now());
  assert.notEqual(evidence.signedAtMs, undefined, 'the time stamp of the fuzzer itself must count');

  return {
    strictJson: {
      make: (random) =>
        random.of([mutateBytes, mutateJsonText])(
          random,
          random.of([payload, json(chainBundle), Buffer.from('[{"a":[1.5e3,"\\u00e9"]}]')]),
        ),
      check(bytes) {
        const value = refusing(['BUNDLE_INVALID'], () => ({ value: parseStrictJson(bytes) }));
        if (value === undefined) return false;
        const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
        assert.equal(JSON.stringify(value.value), JSON.stringify(JSON.parse(text)));
        assert.equal(countKeys(value.value), [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter(([, colon]) => colon).length);
        return true;
      },
    },
    bundle: {
      make(random) {
        const value = random.of([keyBundle, chainBundle]);
        const change = random.below(3);
        if (change === 0) return mutateBytes(random, json(value));
        return change === 1 ? mutateJsonText(random, json(value)) : json(mutateJsonValue(random, value));
      },
      check(bytes) {
        const envelope = refusing(bundleCodes, () => parseBundle(bytes));
        if (envelope === undefined) return false;
        // Another text that a lenient reader takes for the same bytes must not be accepted.
        const { dsseEnvelope } = JSON.parse(bytes.toString());
        assert.equal(envelope.payload.toString('base64'), dsseEnvelope.payload);
        assert.equal(envelope.signature.toString('base64'), dsseEnvelope.signatures[0].sig);
        return true;
      },
    },
    manifest: {
      make(random) {
        const change = random.below(3);
        if (change === 0) return mutateBytes(random, payload);
        return change === 1 ? mutateJsonText(random, payload) : json(mutateJsonValue(random, statement));
      },
      check(bytes) {
        const manifest = refusing(bundleCodes, () => readManifest(parseStatement(bytes)));
        if (manifest === undefined) return false;
        const names = manifest.files.map(({ name }) => name);
        assert.ok(names.every(isCanonicalName) || (names.length === 1 && names[0] === '.'));
        assert.equal(new Set(names).size, names.length);
        const made = makeManifest(manifest.files, { hashType: manifest.hashType, ignored: manifest.ignored });
        assert.equal(made.identity, manifest.identity);
        return true;
      },
    },
    certificates: {
      make(random) {
        const value = structuredClone(chainBundle);
        const material = value.verificationMaterial;
        const list = material.x509CertificateChain.certificates;
        const damage = (object, key) => {
          const other = Buffer.from(random.of(list).rawBytes, 'base64');
          object[key] = mutateDer(random, Buffer.from(object[key], 'base64'), other).toString('base64');
        };
        const change = random.below(6);
        if (change <= 2) damage(random.of(list), 'rawBytes');
        else if (change === 3) damage(material.timestampVerificationData.rfc3161Timestamps[0], 'signedTimestamp');
        else if (change === 4) damage(value.dsseEnvelope.signatures[0], 'sig');
        else material.x509CertificateChain.certificates = Array.from({ length: 1 + random.below(10) }, () => random.of(list));
        return json(value);
      },
      check(bytes) {
        const envelope = refusing(bundleCodes, () => parseBundle(bytes));
        if (envelope === undefined || refusing(signerCodes, () => signer.verify(envelope, Date.now())) === undefined)
          return false;
        assert.deepEqual(envelope.payload, payload);
        assert.deepEqual(envelope.material.certificates[0], authorities.chain[0]);
        return true;
      },
    },
    signerFiles: {
      make: (random) =>
        random.below(2) === 0
          ? mutateDer(random, random.of(authorities.lists), authorities.chain[0])
          : mutateBytes(random, Buffer.from(authorities.root), Buffer.from(authorities.stamperRoot)),
      async check(bytes) {
        writeFileSync(files.damaged, bytes, { mode: 0o600 });
        const roots = bytes.toString('latin1').includes('-----');
        const config = certificates(roots ? { roots: [files.damaged] } : { crls: [files.damaged, crls[1]] });
        const loaded = await loadSigner('fuzz', config).catch((thrown) => {
          if (thrown?.code !== 'TRUST_INVALID') throw thrown;
          return undefined;
        });
        if (loaded === undefined) return false;
        return refusing(signerCodes, () => loaded.verify(parseBundle(json(chainBundle)), Date.now())) !== undefined;
      },
    },
  };
}
