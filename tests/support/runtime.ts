// The TensorFlow runtime and the published models that tests use where they are there. Nothing here downloads.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { loadTensorFlow, type Output, RamFiles, Session, type TensorFlowLibrary } from '../../src/native/index.ts';
import { defaultVersion, findSlot, type RuntimeSlot } from '../../src/runtime/index.ts';
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
