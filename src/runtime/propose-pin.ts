// Works out what a pin of an official wheel would say: what the index lists, what was downloaded, what is in it, and what can be verified about who
// published it. It decides nothing and writes no file that lasts; a person reads the result and says yes.
import { constants } from 'node:fs';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AirlockError, printable } from '../core/index.ts';
import type { IndexFile, IndexRelease } from '../feeds/index.ts';
import { describeWheel } from './describe-wheel.ts';
import { type FetchOptions, fetchWheel } from './fetch-wheel.ts';
import { hashHandle } from './hash-file.ts';
import { findIndexIn } from './official-index.ts';
import { assertOfficialPackage, officialPackages } from './official-packages.ts';
import type { RuntimeArch, RuntimePin } from './pin-types.ts';
import type { WheelRequest } from './pip.ts';
import { countBytes } from './progress.ts';
import { runtimeError } from './runtime-error.ts';
import { type AttestationState, checkWheelAttestations, type PublisherRules } from './wheel-attestation.ts';

export interface PinRequest extends FetchOptions, PublisherRules {
  /** Three numbers. */
  readonly version: string;
  readonly arch: RuntimeArch;
  /** Default the official one without CUDA. */
  readonly package?: string | undefined;
}

export interface PinProposal {
  readonly pin: RuntimePin;
  /** The host of the index. */
  readonly index: string;
  /** What the index lists. `pin.wheelSha256` is that of the bytes that came; they are equal, else there is no proposal. */
  readonly indexSha256: string;
  /** When it was uploaded, as the index says. */
  readonly published: string | undefined;
  /** Why it was withdrawn; the pin says why it is taken all the same. */
  readonly yanked: string | undefined;
  readonly attestation: AttestationState;
}

/** One wheel has the same libraries as another: the one that other pins have is preferred. */
const pythonTags = ['cp311', 'cp310', 'cp312', 'cp39', 'cp313'];

/** The largest official wheel has 650 MB; an index that says more is not believed. */
const maxWheelBytes = 2 * 1024 ** 3;

interface Chosen {
  readonly file: IndexFile;
  readonly pythonTag: string;
  readonly platformTags: readonly string[];
}

function chooseWheel({ files }: IndexRelease, arch: RuntimeArch): Chosen | undefined {
  for (const pythonTag of pythonTags) {
    for (const file of files) {
      const [tags] = file.name.split(`-${pythonTag}-${pythonTag}-`).slice(1);
      const platformTags = tags?.endsWith('.whl') === true ? tags.slice(0, -'.whl'.length).split('.') : [];
      const fits =
        platformTags.length > 0 && platformTags.every((tag) => tag.startsWith('manylinux') && tag.endsWith(`_${arch}`));
      if (fits) return { file, pythonTag, platformTags };
    }
  }
  return undefined;
}

async function releaseOf(
  { package: name, version }: { readonly package: string; readonly version: string },
  arch: RuntimeArch,
  releases: readonly IndexRelease[],
): Promise<Chosen> {
  const release = releases.find((one) => one.version === version);
  const chosen = release && chooseWheel(release, arch);
  if (chosen !== undefined) return chosen;
  const why =
    release === undefined
      ? `has no ${name} ${printable(version, 32)}`
      : `has no wheel of ${name} ${version} for Linux on ${arch}`;
  throw new AirlockError('RUNTIME_VERSION_UNKNOWN', { message: `The package index ${why}` });
}

/**
 * Downloads an official wheel by the user's own pip and says what a pin of it would be.
 * @throws RUNTIME_UNOFFICIAL (another distribution, further sources), RUNTIME_VERSION_UNKNOWN, RUNTIME_YANKED, RUNTIME_HASH_MISMATCH (the bytes are
 * not what the index lists), RUNTIME_ATTESTATION_INVALID, RUNTIME_WHEEL_INVALID, FEED_UNAVAILABLE, PIP_MISSING, RUNTIME_DOWNLOAD_FAILED, DISK_FULL,
 * TRUST_INVALID, CANCELLED
 */
export async function proposePin(request: PinRequest): Promise<PinProposal> {
  const { version, arch, signal } = request;
  const name = request.package ?? officialPackages[arch][0];
  assertOfficialPackage(name, arch);
  const env = request.env ?? process.env;
  const root = await mkdtemp(join(tmpdir(), 'airlock-pin-'));
  try {
    const places = { temporary: join(root, 'tmp'), download: join(root, 'download') };
    await Promise.all(Object.values(places).map((place) => mkdir(place, { mode: 0o700 })));
    const found = await findIndexIn(places.temporary, { env, signal, timeoutMs: request.stallAfterMs });
    const { index } = found;
    if (index === undefined)
      throw new AirlockError('FEED_UNAVAILABLE', {
        message: 'pip is set up to ask no package index, and only one can say what is pinned',
      });
    const { file, pythonTag, platformTags } = await releaseOf(
      { package: name, version },
      arch,
      await index.listReleases(name, { signal }),
    );
    const yanked = file.yanked === true ? 'no reason given' : file.yanked;
    const allowed = request.allowYanked;
    const wanted: WheelRequest = {
      version,
      arch,
      package: name,
      pythonTag,
      platformTags,
      wheel: file.name,
      wheelBytes: Math.min(file.bytes ?? maxWheelBytes, maxWheelBytes),
      wheelSha256: file.sha256,
      ...(yanked !== undefined && allowed !== undefined && { yanked: { reason: yanked, allowed } }),
    };
    await fetchWheel(wanted, places, request, found);
    const pin = await readWheel(wanted, join(places.download, file.name), request);
    const document = await index.provenanceOf(file, { signal });
    const attestation = await checkWheelAttestations(document, { name: file.name, sha256: pin.wheelSha256 }, request);
    return { pin, index: index.host, indexSha256: file.sha256, published: file.published, yanked, attestation };
  } catch (error) {
    throw runtimeError(error, 'INTERNAL');
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Hashes and reads through one handle: the bytes that were hashed are the bytes that are described. */
async function readWheel(wanted: WheelRequest, path: string, { onProgress, signal }: PinRequest): Promise<RuntimePin> {
  const wheel = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((cause: unknown) => {
    throw new AirlockError('RUNTIME_DOWNLOAD_FAILED', { detail: `pip did not leave ${wanted.wheel}`, cause });
  });
  try {
    const { size } = await wheel.stat();
    const onBytes = countBytes('hash', size, onProgress);
    const digest = await hashHandle(wheel, { maxBytes: maxWheelBytes, onBytes, signal });
    // pip was given this digest, and what runs as pip need not be pip.
    if (digest.sha256 !== wanted.wheelSha256) {
      throw new AirlockError('RUNTIME_HASH_MISMATCH', {
        message: `The package index lists ${wanted.wheel} with another SHA-256 than the bytes have that came`,
        detail: `listed ${wanted.wheelSha256}, downloaded ${digest.sha256}`,
      });
    }
    return { ...wanted, wheelBytes: digest.bytes, files: await describeWheel(wheel, signal) };
  } finally {
    await wheel.close();
  }
}
