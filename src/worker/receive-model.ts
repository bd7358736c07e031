// Takes the model's files off the socket and gives them to TensorFlow's memory. Keeps no copy of its own.
import { RamFiles, type TensorFlowLibrary } from '../native/index.ts';
import { type FrameHeader, frameKinds, maxChunkBytes, readFileName } from '../tensor/index.ts';
import type { FrameInput } from './frame-input.ts';

/** A worker holds one model. */
const directory = 'ram://model';

/**
 * Reads FILE frames up to the first frame of another kind, of which it gives the header. Undefined when the socket ends first.
 * @throws WORKER_PROTOCOL_VIOLATION; MODEL_LOAD_FAILED when TensorFlow does not take a file.
 */
export function receiveModel(
  input: FrameInput,
  library: TensorFlowLibrary,
): { readonly files: RamFiles; readonly header: FrameHeader } | undefined {
  const files = new RamFiles(library, directory);
  for (;;) {
    const header = input.readHeader(maxChunkBytes);
    if (header === undefined) return undefined;
    if (header.kind !== frameKinds.file) {
      files.finish();
      return { files, header };
    }
    const meta = input.readBytes(header.metaBytes);
    if (meta === undefined) return undefined;
    // Before the chunk is read: what readBytes gave is gone then.
    const name = readFileName(header, meta);
    const chunk = input.readBytes(header.bodyBytes);
    if (chunk === undefined) return undefined;
    files.append(name, chunk);
  }
}
