// The TensorFlow runtime and the published models that tests use where they are there. Only olderRuntime() downloads, when it is called.
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadTensorFlow, type Output, RamFiles, Session, type TensorFlowLibrary } from '../../src/native/index.ts';
import { defaultVersion, findSlot, installRuntime, type RuntimeSlot, verifySlot } from '../../src/runtime/index.ts';
import type { Signature, StringTensor, Tensor } from '../../src/tensor/index.ts';
import { decodeTensor, dtypes } from '../../src/tensor/index.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** The slot that `airlock runtime install` made in this checkout, or undefined. */
export const slot: RuntimeSlot | undefined = await findSlot(path.join(root, '.airlock'), defaultVersion).catch(() => undefined);

/** For the title of a test that cannot run without the runtime. */
export const needsRuntime = slot === undefined ? ' (skipped: no TensorFlow in ./.airlock, run `airlock runtime install`)' : '';

export function requireSlot(): RuntimeSlot {
  if (slot === undefined) throw new Error('no TensorFlow in ./.airlock');
  return slot;
}

/** TensorFlow 2.12.1, the oldest that is pinned, beside the one of this checkout. */
export interface OlderRuntime {
  readonly version: string;
  readonly slot: RuntimeSlot;
  /** A folder of slots with both, for `runtimes` of a store; shared by all tests, so nothing may be written into it. */
  readonly runtimes: string;
  /** A new store of its own that has both versions; `remove` takes it away. */
  store(): { readonly path: string; remove(): void };
}

/**
 * Installs an older TensorFlow once (230 MB) into a cache outside of the checkout that later runs find again: `AIRLOCK_TEST_STORE`, or a folder
 * of this user's in the temporary folder. Undefined without a package index or without the runtime of this checkout. For `it.skipIf`, await it at the top of the file.
 */
export async function olderRuntime(version = '2.12.1'): Promise<OlderRuntime | undefined> {
  if (slot === undefined) return undefined;
  const cache = process.env.AIRLOCK_TEST_STORE ?? path.join(tmpdir(), `airlock-test-store-${process.getuid?.() ?? 0}`);
  try {
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    const older = await installRuntime({ store: cache, version, repair: true });
    const runtimes = path.dirname(older.directory);
    await borrowSlot(slot, runtimes);
    return { version, slot: older, runtimes, store: () => storeWith(runtimes) };
  } catch (thrown) {
    process.stderr.write(`TensorFlow ${version} cannot be installed for tests: ${String(thrown)}\n`);
    return undefined;
  }
}

/** For the title of a test that cannot run without it. */
export const needsOlder = (older: OlderRuntime | undefined): string =>
  older === undefined ? ' (skipped without a package index to install TensorFlow 2.12.1 from)' : '';

/** The slot of this checkout beside the other: by links where that is one file system, else a copy. */
async function borrowSlot(from: RuntimeSlot, runtimes: string): Promise<void> {
  const directory = path.join(runtimes, path.basename(from.directory));
  if (!existsSync(directory)) {
    const aside = mkdtempSync(path.join(runtimes, '.staging-test-'));
    const copy = path.join(aside, 'slot');
    mkdirSync(copy, { mode: 0o755 });
    for (const name of readdirSync(from.directory)) {
      try {
        linkSync(path.join(from.directory, name), path.join(copy, name));
      } catch {
        cpSync(path.join(from.directory, name), path.join(copy, name));
      }
    }
    try {
      renameSync(copy, directory);
    } catch (thrown) {
      // Another test was faster.
      if (!existsSync(directory)) throw thrown;
    } finally {
      rmSync(aside, { recursive: true, force: true });
    }
  }
  const base = { ...from, directory };
  await verifySlot({
    ...base,
    ccPath: path.join(directory, path.basename(from.ccPath)),
    frameworkPath: path.join(directory, path.basename(from.frameworkPath)),
  });
}

function storeWith(runtimes: string): { readonly path: string; remove(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'airlock-test-'));
  symlinkSync(runtimes, path.join(folder, 'runtimes'));
  return { path: folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

let loaded: TensorFlowLibrary | undefined;

/** The library, loaded once for the test process. */
export function library(): TensorFlowLibrary {
  loaded ??= loadTensorFlow(requireSlot());
  return loaded;
}

/** A folder of ../shared/testdata, or undefined where that is not checked out. */
export function sharedModel(name: string): string | undefined {
  const directory = path.join(root, '../shared/testdata', name);
  return existsSync(directory) ? directory : undefined;
}

let loads = 0;

/** Loads a model the way the worker does: from TensorFlow's memory. */
export function loadSession(modelDirectory: string, signatures: readonly Signature[], maxOutputBytes = 1 << 24): Session {
  const files = new RamFiles(library(), `ram://model-${loads++}`);
  for (const entry of existsSync(modelDirectory) ? readdirSync(modelDirectory, { recursive: true, withFileTypes: true }) : []) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile()) files.append(path.relative(modelDirectory, file), readFileSync(file));
  }
  files.finish();
  const session = Session.load({
    library: library(),
    modelDirectory: files.directory,
    tags: ['serve'],
    intraOpThreads: 1,
    interOpThreads: 1,
    signatures,
    maxOutputBytes,
  });
  files.deleteLoaded();
  return session;
}

function frameBody(tensor: Tensor): Uint8Array {
  if (tensor.dtype !== 'DT_STRING') return tensor.bytes;
  return Buffer.concat([stringLengths(tensor), tensor.bytes]);
}

function stringLengths({ offsets }: StringTensor): Uint8Array {
  const lengths = offsets.slice(1).map((end, i) => end - offsets[i]);
  return new Uint8Array(lengths.buffer);
}

function tensorOf(output: Output, index: number): Tensor {
  const body = Buffer.alloc(output.bodyBytes);
  output.copyTo(body, 0);
  const { shape, bodyBytes } = output;
  return decodeTensor({ index, dtypeCode: dtypes[output.dtype].code, shape, bodyBytes }, new Uint8Array(body));
}

/** Runs a signature the way the worker does and copies what comes out. */
export function runSession(session: Session, inputs: readonly Tensor[], signatureIndex = 0, timeoutMs = 0): Tensor[] {
  const call = session.call(signatureIndex);
  try {
    inputs.forEach((tensor, i) => {
      call.setInput(i, dtypes[tensor.dtype].code, tensor.shape, frameBody(tensor));
    });
    return call.run(timeoutMs, (outputs) => outputs.map(tensorOf));
  } finally {
    call.reset();
  }
}
