// FILE frames: a model's files on their way from the server, piece by piece, into a worker that can open none itself. The name is
// checked on both sides: it becomes a path, so it must never lead out of the model's folder.
import { AirlockError } from '../core/index.ts';
import { type FrameHeader, frameHeaderBytes, frameKinds, writeFrameHeader } from './frame.ts';

/** The most bytes of a file in one frame. */
export const maxChunkBytes = 1024 * 1024;
/** The longest name, as Linux has it for paths. */
export const maxNameBytes = 4096;

/** True for names such as `variables/variables.index`: relative, and no part empty, `.` or `..`; no NUL, which would end a C string. */
export function isPlainRelativeName(name: string): boolean {
  return !name.includes('\0') && name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

/**
 * What goes before a file's next `chunkBytes` bytes; an empty file is one frame without bytes, and frames of one file follow each other.
 * @throws MODEL_INVALID when the name is not plain or too long.
 */
export function encodeFileHead(name: string, chunkBytes: number): Buffer {
  const meta = Buffer.from(name, 'utf8');
  if (!isPlainRelativeName(name) || meta.length > maxNameBytes) {
    throw new AirlockError('MODEL_INVALID', { message: 'The model has a file whose name cannot be used' });
  }
  const head = Buffer.allocUnsafe(frameHeaderBytes + meta.length);
  const fields = { kind: frameKinds.file, tensorCount: 0, id: 0, argument: 0, timeoutMs: 0 };
  writeFrameHeader(head, 0, { ...fields, metaBytes: meta.length, bodyBytes: chunkBytes });
  meta.copy(head, frameHeaderBytes);
  return head;
}

/** The name in a FILE frame. @throws WORKER_PROTOCOL_VIOLATION when it is not plain, or name or body are too long. */
export function readFileName(header: FrameHeader, meta: Buffer): string {
  const name = meta.toString('utf8');
  if (header.bodyBytes > maxChunkBytes || meta.length > maxNameBytes || !isPlainRelativeName(name)) {
    throw new AirlockError('WORKER_PROTOCOL_VIOLATION', { detail: 'a FILE frame that is not well formed' });
  }
  return name;
}
