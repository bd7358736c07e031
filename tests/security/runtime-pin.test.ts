// Safeguard 7 around a pin: where TensorFlow may come from, what is refused by name, what was withdrawn, who attested it, and who may write the file
// of pins. The index is a server on this machine, the wheels are small fakes. pip is the real one where it decides something, elsewhere a stand-in that says
// how it is set up and hands over a wheel without looking at it.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AirlockError } from '../../src/core/index.ts';
import { addPin, findSlot, installRuntime, loadPins, proposePin, type RuntimePin, verifySlot } from '../../src/runtime/index.ts';
import { type InstallPinOptions, installPin } from '../../src/runtime/install-runtime.ts';
import type { PinRequest } from '../../src/runtime/propose-pin.ts';
import { type FakePip, makeFakePip } from '../support/fake-pip.ts';
import { type Keyless, makeKeyless } from '../support/keyless.ts';
import { type SimpleIndex, startSimpleIndex } from '../support/simple-index.ts';
import { honestEntries, pinOf, sha256Of, writeZip } from './fake-wheel.ts';

const hasPip = spawnSync('python3', ['-m', 'pip', '--version']).status === 0;
const pipTitle = hasPip ? '' : " (skipped without Python's pip)";

const wheel = writeZip(honestEntries);
const fake = pinOf(wheel);
const projectIdentity = 'https://github.com/tensorflow/tensorflow/.github/workflows/release.yml@refs/tags/v9.9.9';
const githubIssuer = 'https://token.actions.githubusercontent.com';

let root = '';
let pinsFile = '';
let index: SimpleIndex;
let pip: FakePip;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'airlock-pin-test-'));
  pinsFile = join(root, 'pins.json');
  index = await startSimpleIndex();
  pip = standIn();
});

afterEach(async () => {
  await index.close();
  rmSync(root, { recursive: true, force: true });
});

function pipEnv(more: Record<string, string> = {}): Record<string, string | undefined> {
  return { PATH: process.env.PATH, HOME: root, PIP_CONFIG_FILE: '/dev/null', PIP_INDEX_URL: index.url, ...more };
}

function offer(more: object = {}): void {
  index.offer('tensorflow-cpu', { name: fake.wheel, content: wheel, sha256: fake.wheelSha256, ...more });
}

let standIns = 0;

/** A pip that is set up like this, and leaves the wheel. */
function standIn(settings: Readonly<Record<string, string>> = {}): FakePip {
  const made = makeFakePip(join(root, `pip-${standIns++}`), { 'index-url': index.url, ...settings });
  made.offer(fake.wheel, wheel);
  return made;
}

const propose = (more: Partial<PinRequest> = {}) => proposePin({ version: '9.9.9', arch: 'x86_64', env: pip.env, ...more });
const install = (more: Partial<InstallPinOptions> = {}, pin: RuntimePin = fake) =>
  installPin(pin, { store: join(root, 'store'), env: pip.env, ...more });

async function failureOf(job: Promise<unknown>): Promise<AirlockError> {
  return await job.then(
    () => expect.fail('it was accepted'),
    (error: AirlockError) => error,
  );
}

describe('a pin of a further release', () => {
  it.skipIf(!hasPip)(
    `says what the index lists and what came, goes into the file once, and installs from there${pipTitle}`,
    async () => {
      offer();
      const proposal = await propose({ env: pipEnv() });
      expect(proposal).toMatchObject({ indexSha256: fake.wheelSha256, attestation: { state: 'none' }, yanked: undefined });
      expect(proposal.pin).toEqual({ ...fake, files: [...fake.files].sort((a, b) => (a.name < b.name ? -1 : 1)) });
      expect(await addPin(pinsFile, proposal.pin)).toEqual({ file: pinsFile, isNew: true });
      expect(await addPin(pinsFile, proposal.pin)).toEqual({ file: pinsFile, isNew: false });
      const pins = await loadPins(pinsFile);
      const store = join(root, 'store');
      await verifySlot(await installRuntime({ store, version: '9.9.9', arch: 'x86_64', pins, env: pipEnv() }));
      await verifySlot(await findSlot(store, '9.9.9', 'x86_64', pins));
      // Without the file it is a folder of a version that nothing pins.
      expect((await failureOf(findSlot(store, '9.9.9', 'x86_64'))).code).toBe('RUNTIME_VERSION_UNKNOWN');
    },
  );

  it('works with an index that speaks HTML only', async () => {
    await index.close();
    index = await startSimpleIndex('html');
    pip = standIn();
    offer();
    expect((await propose()).pin.wheelSha256).toBe(fake.wheelSha256);
  });

  it.skipIf(!hasPip)(`is refused when other bytes come than the index lists${pipTitle}`, async () => {
    offer({ sha256: sha256Of(Buffer.from('another wheel')) });
    expect(await failureOf(propose({ env: pipEnv() }))).toMatchObject({ code: 'RUNTIME_HASH_MISMATCH' });
  });

  it('is refused when pip hands over other bytes than it was told', async () => {
    offer();
    pip.offer(fake.wheel, Buffer.from('evil'));
    const error = await failureOf(propose());
    expect(error).toMatchObject({ code: 'RUNTIME_HASH_MISMATCH', detail: expect.stringContaining(fake.wheelSha256) });
  });

  it('is refused for versions and architectures that the index does not have, and for a wheel without the libraries', async () => {
    offer();
    expect((await failureOf(propose({ version: '9.9.8' }))).code).toBe('RUNTIME_VERSION_UNKNOWN');
    expect((await failureOf(propose({ arch: 'aarch64', package: 'tensorflow' }))).code).toBe('RUNTIME_VERSION_UNKNOWN');
    const empty = writeZip(honestEntries.filter(({ name }) => !name.includes('libtensorflow_cc')));
    const name = fake.wheel.replaceAll('9.9.9', '9.9.7');
    index.offer('tensorflow-cpu', { name, content: empty, sha256: sha256Of(empty) });
    pip.offer(name, empty);
    expect((await failureOf(propose({ version: '9.9.7' }))).code).toBe('RUNTIME_WHEEL_INVALID');
  });
});

describe('further sources are refused by name', () => {
  it.each([
    ['extra-index-url', 'https://me:secret@extra.example/simple'],
    ['trusted-host', 'index.example'],
    ['index-url', 'http://me:secret@index.example/simple'],
    ['find-links', 'https://me:secret@links.example/'],
  ])('%s', async (setting, value) => {
    offer();
    pip = standIn({ [setting]: value });
    for (const job of [() => install(), () => propose()]) {
      const error = await failureOf(job());
      expect(error).toMatchObject({ code: 'RUNTIME_UNOFFICIAL', message: expect.stringContaining(`setting ${setting} `) });
      expect(JSON.stringify([error.message, error.detail])).not.toContain('secret');
    }
    expect(index.asked).toEqual([]);
  });

  it.skipIf(!hasPip)(`as pip itself says them, from the environment and from a file${pipTitle}`, async () => {
    const inEnv = pipEnv({ PIP_EXTRA_INDEX_URL: 'https://extra.example/simple' });
    const config = join(root, 'pip.conf');
    writeFileSync(config, '[global]\nextra-index-url =\n  https://one.example/simple\n  https://two.example/simple\n');
    for (const env of [inEnv, pipEnv({ PIP_CONFIG_FILE: config })]) {
      const error = await failureOf(install({ env }));
      expect(error).toMatchObject({ code: 'RUNTIME_UNOFFICIAL', message: expect.stringContaining('extra-index-url') });
    }
  });

  it.skipIf(!hasPip)(`also when pip is told to list nothing, or one of its files only${pipTitle}`, async () => {
    const config = join(root, 'pip.conf');
    writeFileSync(config, '[global]\nextra-index-url = https://one.example/simple\nquiet = 2\nuser = true\n');
    const error = await failureOf(install({ env: pipEnv({ PIP_CONFIG_FILE: config, PIP_SITE: '1' }) }));
    expect(error).toMatchObject({ code: 'RUNTIME_UNOFFICIAL', message: expect.stringContaining('extra-index-url') });
  });

  it('but not a folder of this machine, which is said in one line and whose files need the pinned SHA-256', async () => {
    pip = standIn({ 'find-links': join(root, 'wheels'), 'no-index': '1' });
    const notes: string[] = [];
    pip.offer(fake.wheel, writeZip([...honestEntries, { name: 'evil.py', content: Buffer.from('evil') }]));
    expect((await failureOf(install())).code).toBe('RUNTIME_HASH_MISMATCH');
    pip.offer(fake.wheel, wheel);
    await install({ onNote: (text) => notes.push(text) });
    expect(notes).toEqual([expect.stringContaining('find-links')]);
    expect(index.asked).toEqual([]);
  });

  it.each([
    ['tensorflow-gpu', 'x86_64'],
    ['intel-tensorflow', 'x86_64'],
    ['tf-nightly', 'x86_64'],
    ['tensorflow-rocm', 'x86_64'],
    ['Tensorflow-CPU', 'x86_64'],
    ['tensorfow', 'x86_64'],
    ['tensorflow-cpu-aws', 'aarch64'],
    ['tensorflow-cpu', 'aarch64'],
  ] as const)('%s on %s', async (name, arch) => {
    expect((await failureOf(propose({ package: name, arch }))).code).toBe('RUNTIME_UNOFFICIAL');
    expect(index.asked).toEqual([]);
  });
});

describe('a release that was withdrawn', () => {
  it('is refused with the reason before anything is downloaded, and taken with a reason, which is handed on', async () => {
    offer({ yanked: 'segfaults \u001b[2J' });
    const error = await failureOf(install());
    expect(error).toMatchObject({ code: 'RUNTIME_YANKED', message: expect.stringContaining('segfaults \\u{1b}[2J') });
    expect(pip.asked().filter((args) => !args.startsWith('config list'))).toEqual([]);
    expect((await failureOf(propose())).code).toBe('RUNTIME_YANKED');
    const taken: string[] = [];
    await install({ allowYanked: 'we need it today', onYanked: (...both) => taken.push(...both) });
    expect(taken).toEqual(['segfaults \\u{1b}[2J', 'we need it today']);
  });

  it.skipIf(!hasPip)(`is refused by what pip says where the index cannot be read by us${pipTitle}`, async () => {
    offer({ yanked: 'bad' });
    const bin = join(root, 'bin');
    mkdirSync(bin);
    // The real pip, which says that it asks no index when it is only asked.
    const script = `case "$*" in *config*) echo ":env:.no-index='1'"; exit 0;; esac\nexec "${process.env.PATH?.split(':').find((folder) => existsSync(join(folder, 'python3')))}/python3" "$@"\n`;
    writeFileSync(join(bin, 'python3'), `#!/bin/sh\n${script}`, { mode: 0o755 });
    const error = await failureOf(install({ env: pipEnv({ PATH: `${bin}:${process.env.PATH}` }) }));
    expect(error).toMatchObject({ code: 'RUNTIME_YANKED', message: expect.stringContaining('bad') });
    expect(existsSync(join(root, 'store', 'runtimes', '9.9.9-x86_64'))).toBe(false);
  });

  it('keeps the reason in the file of pins, where it lets an install pass', async () => {
    offer({ yanked: true });
    const { pin } = await propose({ allowYanked: 'only one that has the fix' });
    expect(pin.yanked).toEqual({ reason: 'no reason given', allowed: 'only one that has the fix' });
    await addPin(pinsFile, pin);
    const pins = await loadPins(pinsFile);
    const taken: string[] = [];
    const options = { store: join(root, 'store'), version: '9.9.9', arch: 'x86_64', env: pip.env } as const;
    await installRuntime({ ...options, pins, onYanked: (...both) => taken.push(...both) });
    expect(taken).toEqual(['no reason given', 'only one that has the fix']);
  });
});

describe('attestations on the index (PEP 740)', () => {
  let keyless: Keyless;
  let trustedRoot = '';
  beforeAll(async () => {
    keyless = await makeKeyless();
  });
  beforeEach(() => {
    trustedRoot = join(root, 'trusted_root.json');
    writeFileSync(trustedRoot, keyless.trustedRoot, { mode: 0o600 });
  });

  interface Attested {
    readonly identity?: string;
    readonly issuer?: string;
    readonly name?: string;
    readonly sha256?: string;
    readonly change?: (document: ReturnType<typeof documentOf>) => unknown;
  }

  function documentOf(bundle: Buffer) {
    const { verificationMaterial: material, dsseEnvelope } = JSON.parse(bundle.toString());
    return {
      version: 1,
      attestation_bundles: [
        {
          publisher: { kind: 'GitHub', repository: 'tensorflow/tensorflow', workflow: 'release.yml', environment: null },
          attestations: [
            {
              version: 1,
              verification_material: {
                certificate: String(material.certificate.rawBytes),
                transparency_entries: material.tlogEntries as Record<string, unknown>[],
              },
              envelope: { statement: String(dsseEnvelope.payload), signature: String(dsseEnvelope.signatures[0].sig) },
            },
          ],
        },
      ],
    };
  }

  async function provenance({
    identity = projectIdentity,
    issuer = githubIssuer,
    name,
    sha256,
    change,
  }: Attested): Promise<Buffer> {
    const statement = {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: name ?? fake.wheel, digest: { sha256: sha256 ?? fake.wheelSha256 } }],
      predicateType: 'https://docs.pypi.org/attestations/publish/v1',
      predicate: null,
    };
    const bundle = await keyless.sign({
      identity,
      issuer,
      payload: Buffer.from(JSON.stringify(statement)),
      withTimeStamp: false,
    });
    const document = documentOf(bundle);
    return Buffer.from(JSON.stringify(change === undefined ? document : change(document)));
  }

  it('are verified with a trusted root, and the publisher is shown', async () => {
    offer({ provenance: await provenance({}) });
    const { attestation } = await propose({ trustedRoot });
    expect(attestation).toMatchObject({ state: 'verified', publishers: [projectIdentity] });
  });

  it('are called not verified without one, with who is said to have published it', async () => {
    offer({ provenance: await provenance({}) });
    expect((await propose()).attestation).toEqual({
      state: 'not verified',
      claimed: ['GitHub tensorflow/tensorflow release.yml'],
    });
  });

  it('count of another publisher only when it was named exactly', async () => {
    const identity = 'https://github.com/acme/tensorflow/.github/workflows/release.yml@refs/heads/main';
    offer({ provenance: await provenance({ identity }) });
    expect(await failureOf(propose({ trustedRoot }))).toMatchObject({
      code: 'RUNTIME_ATTESTATION_INVALID',
      message: expect.stringContaining('acme/tensorflow'),
    });
    expect((await propose({ trustedRoot, identity })).attestation.state).toBe('verified');
    expect((await failureOf(propose({ trustedRoot, identity: identity.slice(0, -1) }))).code).toBe('RUNTIME_ATTESTATION_INVALID');
  });

  const wrong: readonly (readonly [string, Attested])[] = [
    [
      'a repository whose name only begins like the project',
      { identity: projectIdentity.replace('tensorflow/.github', 'tensorflow-x/.github') },
    ],
    ['another issuer', { issuer: 'https://issuer.example' }],
    ['another file', { name: 'tensorflow_cpu-9.9.8-cp311-cp311-manylinux_2_17_x86_64.whl' }],
    ['another digest', { sha256: 'ab'.repeat(32) }],
    [
      'a changed statement',
      {
        change: (document) => {
          const [attestation] = document.attestation_bundles[0].attestations;
          const text = Buffer.from(attestation.envelope.statement, 'base64').toString().replace('publish/v1', 'publish/v2');
          attestation.envelope.statement = Buffer.from(text).toString('base64');
          return document;
        },
      },
    ],
    [
      'a second attestation that is not signed',
      {
        change: (document) => {
          const { attestations } = document.attestation_bundles[0];
          const copy = structuredClone(attestations[0]);
          copy.envelope.signature = Buffer.from('no signature').toString('base64');
          attestations.push(copy);
          return document;
        },
      },
    ],
    ['no attestation in it', { change: () => ({ version: 1, attestation_bundles: [] }) }],
    ['another version of the form', { change: (document) => ({ ...document, version: 2 }) }],
  ];

  it.each(wrong)('are refused with %s', async (_title, attested) => {
    offer({ provenance: await provenance(attested) });
    expect(await failureOf(propose({ trustedRoot }))).toMatchObject({ code: 'RUNTIME_ATTESTATION_INVALID' });
  });

  it('are refused when another Sigstore signed them', async () => {
    const other = await makeKeyless();
    writeFileSync(trustedRoot, other.trustedRoot, { mode: 0o600 });
    offer({ provenance: await provenance({}) });
    expect(await failureOf(propose({ trustedRoot }))).toMatchObject({ code: 'RUNTIME_ATTESTATION_INVALID' });
  });
});

describe('the file of pins', () => {
  const pins = (...list: readonly object[]) => JSON.stringify({ format: 1, pins: list });
  const save = (text: string): void => writeFileSync(pinsFile, text, { mode: 0o644 });

  it('adds to what Airlock pins', async () => {
    save(pins(fake));
    const table = await loadPins(pinsFile);
    expect(table.pins.map(({ version }) => version)).toEqual(expect.arrayContaining(['9.9.9', '2.21.0']));
  });

  const builtIn = { ...fake, version: '2.21.0', wheel: fake.wheel.replace('9.9.9', '2.21.0') };
  const stranger = { ...fake, package: 'tensorflow-gpu', wheel: fake.wheel.replace('cpu', 'gpu') };
  it.each([
    ['no JSON', 'pins:'],
    ['a key twice', `{"format":1,"format":1,"pins":[]}`],
    ['another format', '{"format":2,"pins":[]}'],
    ['a key that is not known', '{"format":1,"pins":[],"extra":1}'],
    ['a pin twice', pins(fake, fake)],
    ['an official wheel that Airlock pins itself', pins(builtIn)],
    ['a distribution that is not official', pins(stranger)],
    ['a wheel with another name', pins({ ...fake, wheel: 'x.whl' })],
    ['a path for a file name', pins({ ...fake, files: fake.files.map((file) => ({ ...file, name: `../${file.name}` })) })],
    ['a file under another name', pins({ ...fake, files: fake.files.map((file) => ({ ...file, entry: 'tensorflow/other' })) })],
    ['no libraries', pins({ ...fake, files: fake.files.slice(0, 1) })],
    ['a digest in capitals', pins({ ...fake, wheelSha256: fake.wheelSha256.toUpperCase() })],
    [
      'an official wheel under another writing of its version',
      pins({ ...fake, version: '9.9.09', wheel: fake.wheel.replace('9.9.9', '9.9.09') }),
    ],
    ['a version that is no number', pins({ ...fake, version: '9.9.9rc1' })],
    ['libraries that nobody built', pins({ origin: 'built', version: '9.9.9', arch: 'x86_64', builders: [], files: [] })],
  ])('is refused with %s', async (_title, text) => {
    save(text);
    expect((await failureOf(loadPins(pinsFile))).code).toMatch(/^RUNTIME_(PINS_INVALID|UNOFFICIAL)$/);
  });

  it('is refused when others may write it or a folder above it, and when it is not there', async () => {
    save(pins(fake));
    chmodSync(pinsFile, 0o666);
    expect((await failureOf(loadPins(pinsFile))).code).toBe('RUNTIME_PINS_INVALID');
    chmodSync(pinsFile, 0o644);
    chmodSync(root, 0o777);
    expect((await failureOf(loadPins(pinsFile))).code).toBe('RUNTIME_PINS_INVALID');
    chmodSync(root, 0o700);
    await loadPins(pinsFile);
    expect((await failureOf(loadPins(join(root, 'missing.json')))).code).toBe('RUNTIME_PINS_INVALID');
  });

  it('never says anything else about a version without --replace, and is never half written', async () => {
    await addPin(pinsFile, fake);
    const before = readFileSync(pinsFile);
    const changed = { ...fake, wheelSha256: 'cd'.repeat(32) };
    expect((await failureOf(addPin(pinsFile, changed))).code).toBe('RUNTIME_PINS_INVALID');
    expect((await failureOf(addPin(pinsFile, { ...fake, version: '9.9.8' }))).code).toBe('RUNTIME_PINS_INVALID');
    expect(readFileSync(pinsFile).equals(before)).toBe(true);
    expect(await addPin(pinsFile, changed, true)).toMatchObject({ isNew: true });
    expect((await loadPins(pinsFile)).pins.find(({ version }) => version === '9.9.9')).toEqual(changed);
  });
});
