// The two configuration messages that TensorFlow's C API takes as protobuf bytes, written by hand: four numbers need no library.
// Field numbers: tensorflow/core/protobuf/config.proto, unchanged from 2.12 to 2.21.
import { AirlockError } from '../core/index.ts';
import { allocateAligned, copyFromNative, copyToNative, freeNative, type Pointer } from './libc.ts';

/** A number as protobuf writes it: of 64 bits, a negative one in ten bytes. */
export function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}

export interface ThreadOptions {
  /** Threads that one operation may use. */
  readonly intraOpThreads: number;
  /** Operations that may run at the same time; 1 runs them all in the calling thread. */
  readonly interOpThreads: number;
}

/**
 * ConfigProto with the thread counts.
 *
 * One inter-op thread is written as -1, "in the caller's thread": a pool of one thread does the same work after two thread
 * switches. Measured per TF_SessionRun on half_plus_two, 2 cores, TensorFlow 2.21: pool of one 75 µs (45 at best), caller's thread
 * 2.7 µs, with a timeout 2.9 µs; RunOptions.inter_op_thread_pool = -1 gives the same 2.7 µs. The timeout loses nothing by it: in
 * both arrangements TensorFlow looks at it only while it waits, never between two operations that compute (40 matrix products of
 * 12 ms each with 100 ms to go took 450 ms in a pool as in the caller's thread), which is why a supervisor that kills is needed.
 */
export function encodeConfigProto(threads: ThreadOptions): Uint8Array {
  const interOp = threads.interOpThreads === 1 ? -1 : threads.interOpThreads;
  return Uint8Array.from([
    0x10, // field 2, intra_op_parallelism_threads
    ...varint(BigInt(threads.intraOpThreads)),
    0x28, // field 5, inter_op_parallelism_threads
    ...varint(BigInt(interOp)),
  ]);
}

/**
 * RunOptions.TraceLevel.SOFTWARE_TRACE: times and memory of each node, all that there is to know on a CPU. FULL_TRACE starts a profiler of
 * the whole process beside it (direct_session.cc, 2.12 to 2.21), which a sealed worker has no use for.
 */
const softwareTrace = 1;
/** Bytes of a RunOptions message: field 2, timeout_in_ms, as a varint that is always five bytes long, and field 1, trace_level. */
const runOptionsBytes = 8;
/** TF_Buffer: data, length, deallocator. */
const bufferBytes = 24;

/** One TF_Buffer with RunOptions in memory that stays in place, so that a new timeout is six bytes written, not an allocation. */
export class RunOptionsBuffer {
  /** The TF_Buffer to pass to TF_SessionRun. */
  readonly pointer: Pointer;
  readonly #data: Pointer;
  readonly #message = Buffer.from([0x10, 0, 0, 0, 0, 0, 0x08, softwareTrace]);

  /** @param isTraced whether runs with these options fill RunMetadata. */
  constructor(isTraced = false) {
    // SAFETY: 64 bytes of our own until `close`; 24 for the TF_Buffer, the next 8 for the message it points to.
    const memory = allocateAligned(64, 64);
    if (memory === null) throw new AirlockError('TENSORFLOW_RESOURCE_EXHAUSTED');
    this.pointer = memory;
    this.#data = memory + BigInt(bufferBytes);
    const head = Buffer.alloc(bufferBytes);
    head.writeBigUInt64LE(this.#data, 0);
    head.writeBigUInt64LE(BigInt(isTraced ? runOptionsBytes : runOptionsBytes - 2), 8);
    // SAFETY: 24 of the 64 bytes. The deallocator stays null, so TensorFlow never frees them.
    copyToNative(memory, head, bufferBytes);
    this.setTimeoutMs(0);
  }

  /** Frees the memory; neither `pointer` nor `setTimeoutMs` may be used afterwards. */
  close(): void {
    // SAFETY: allocated in the constructor, freed here only.
    freeNative(this.pointer);
  }

  /** Sets timeout_in_ms; an unsigned 32-bit number, 0 for none. */
  setTimeoutMs(timeoutMs: number): void {
    const bytes = this.#message;
    bytes[1] = (timeoutMs & 0x7f) | 0x80;
    bytes[2] = ((timeoutMs >>> 7) & 0x7f) | 0x80;
    bytes[3] = ((timeoutMs >>> 14) & 0x7f) | 0x80;
    bytes[4] = ((timeoutMs >>> 21) & 0x7f) | 0x80;
    bytes[5] = (timeoutMs >>> 28) & 0x0f;
    // SAFETY: bytes 24 to 32 of the 64 that are ours until `close`.
    copyToNative(this.#data, bytes, runOptionsBytes);
  }
}

/** A copy of what TensorFlow wrote into a TF_Buffer; undefined when that is more than `maxBytes`. */
export function readBuffer(buffer: Pointer, maxBytes: number): Buffer | undefined {
  const head = Buffer.alloc(bufferBytes);
  // SAFETY: a TF_Buffer of TensorFlow's, which the caller deletes after this; its first two fields say where the bytes are and how many.
  copyFromNative(head, buffer, bufferBytes);
  const byteLength = head.readBigUInt64LE(8);
  if (byteLength > BigInt(maxBytes)) return undefined;
  const bytes = Buffer.allocUnsafeSlow(Number(byteLength));
  // SAFETY: as many bytes as the TF_Buffer says that it holds, into a buffer of that size.
  if (bytes.length > 0) copyFromNative(bytes, head.readBigUInt64LE(0), bytes.length);
  return bytes;
}
