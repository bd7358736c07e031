// Has images decoded: one at a time, by a process that is started when it is first needed, kept, and replaced when it breaks. A hostile image
// costs the request that brought it and at most a restart. What comes back is believed no more than what went there: it must be a PNG of
// the size that was asked for, with nothing else in it.
import type { ImageJob } from '../../contract/index.ts';
import { AirlockError } from '../../core/index.ts';
import { type DecodeRequest, encodeDecodeRequest } from '../../decoder/index.ts';
import type { Jail } from '../../sandbox/index.ts';
import { Watchdog } from '../watchdog.ts';
import { HeldBytes } from './held-bytes.ts';
import { ImageDecoderProcess } from './image-decoder-process.ts';
import { decodeRequest, maxResultBytes, resultFault, undecodable } from './image-decoder-request.ts';
import { ImageQueue, type ImageTurn } from './image-queue.ts';

export interface ImageDecoderLimits {
  /** Of the process. Default 512. */
  readonly memoryMiB: number;
  /** For one image, from when the decoder gets it; up to three times that when the machine is busy with other things. Default 2,000. */
  readonly timeoutMs: number;
  /** Images of one model that wait; one more is refused. Default 64. */
  readonly maxQueued: number;
  /** Of the images that all requests hold. Default 256. */
  readonly maxHeldMiB: number;
  /** Until a new process is ready. Default 20,000. */
  readonly startTimeoutMs: number;
  /** After a start that failed, images are refused for so long. Default 1,000. */
  readonly retryMs: number;
}

export const defaultImageDecoderLimits: ImageDecoderLimits = {
  memoryMiB: 512,
  timeoutMs: 2000,
  maxQueued: 64,
  maxHeldMiB: 256,
  startTimeoutMs: 20_000,
  retryMs: 1000,
};

export interface ImageDecoderOptions {
  readonly jail: Jail;
  readonly limits?: Partial<ImageDecoderLimits>;
  /** Default one of its own. */
  readonly watchdog?: Watchdog;
  /** The file that Node runs; default the real decoder. */
  readonly entry?: string;
  readonly onLog?: (line: string) => void;
  /** A process broke; for the operator. Not called by `close`. */
  readonly onBroken?: (reason: AirlockError) => void;
}

/** Threads of Node and libvips. */
const maxTasks = 64;

export class ImageDecoder {
  readonly #options: ImageDecoderOptions;
  readonly #limits: ImageDecoderLimits;
  readonly #watchdog: Watchdog;
  #process: ImageDecoderProcess | undefined;
  #failedStart: { readonly error: AirlockError; readonly atMs: number } | undefined;
  readonly #queue: ImageQueue;
  /** What is made of the image that is in turn; never rejects. */
  #current: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  readonly held: HeldBytes;

  constructor(options: ImageDecoderOptions) {
    this.#options = options;
    this.#limits = { ...defaultImageDecoderLimits, ...options.limits };
    this.#watchdog = options.watchdog ?? new Watchdog();
    this.#queue = new ImageQueue(this.#limits.maxQueued);
    this.held = new HeldBytes(this.#limits.maxHeldMiB * 1024 * 1024);
  }

  /** Undefined while there is none. */
  get processId(): number | undefined {
    return this.#process?.processId;
  }

  /**
   * The image as a PNG of the size that the job says: 8 bits, grey, grey and alpha, RGB or RGB and alpha as the image was (CMYK becomes RGB; a GIF
   * loses its transparency, as in TensorFlow), the first frame, no metadata. `bytes` must not change. An image that is decoded when its
   * time ends is decoded to its end, within the limits of the process: a request must not end the process for others.
   * @throws IMAGE_UNDECODABLE for the image's own fault; DEADLINE_EXCEEDED, SERVER_OVERLOADED, SERVER_STOPPING; WORKER_OUT_OF_MEMORY, WORKER_FORBIDDEN,
   * WORKER_CRASHED, WORKER_PROTOCOL_VIOLATION, WORKER_START_FAILED as of a worker.
   */
  async decode(job: ImageJob, bytes: Uint8Array, turn: ImageTurn): Promise<Uint8Array> {
    const request = decodeRequest(job, bytes);
    return this.#queue.run(turn, (isOverdue) => {
      const made = this.#decodeNext(job, request, bytes, isOverdue);
      this.#current = made.catch(() => undefined);
      return made;
    });
  }

  async #decodeNext(job: ImageJob, request: DecodeRequest, bytes: Uint8Array, isOverdue: () => boolean): Promise<Uint8Array> {
    const decoder = await this.#ready();
    if (isOverdue()) throw new AirlockError('DEADLINE_EXCEEDED');
    const maxImageBytes = maxResultBytes(request);
    let image: Buffer | undefined;
    try {
      image = await decoder.decode(encodeDecodeRequest(request), bytes, { maxImageBytes, timeoutMs: this.#limits.timeoutMs });
    } catch (thrown) {
      throw this.#broken(decoder, AirlockError.from(thrown), job);
    }
    if (image === undefined) throw undecodable(job, 'bytes that are none');
    const fault = resultFault(image, request);
    if (fault === undefined) return image;
    const lie = new AirlockError('WORKER_PROTOCOL_VIOLATION', { detail: `the decoder of images gave ${fault}` });
    decoder.kill(lie);
    throw this.#broken(decoder, lie, job);
  }

  /** What the client is told when the process broke: in which image, when it was the image. */
  #broken(decoder: ImageDecoderProcess, error: AirlockError, job: ImageJob): AirlockError {
    if (this.#process === decoder) this.#process = undefined;
    if (this.#isClosed) return new AirlockError('SERVER_STOPPING');
    this.#options.onBroken?.(error);
    if (error.code !== 'IMAGE_UNDECODABLE') return error;
    return undecodable(job, 'one that stops the decoder', error.detail);
  }

  async #ready(): Promise<ImageDecoderProcess> {
    if (this.#isClosed) throw new AirlockError('SERVER_STOPPING');
    // One that died while nothing was asked of it.
    if (this.#process?.isBroken === false) return this.#process;
    if (this.#failedStart !== undefined && performance.now() - this.#failedStart.atMs < this.#limits.retryMs)
      throw this.#failedStart.error;
    const { jail, entry, onLog } = this.#options;
    try {
      const limits = { memoryBytes: this.#limits.memoryMiB * 1024 * 1024, maxTasks };
      const started = new ImageDecoderProcess({
        jail,
        watchdog: this.#watchdog,
        limits,
        ...(entry === undefined ? {} : { entry }),
        ...(onLog === undefined ? {} : { onLog }),
      });
      this.#process = started;
      await started.ready(this.#limits.startTimeoutMs);
      this.#failedStart = undefined;
      return started;
    } catch (thrown) {
      this.#process = undefined;
      if (this.#isClosed) throw new AirlockError('SERVER_STOPPING');
      const error = AirlockError.from(thrown);
      this.#failedStart = { error, atMs: performance.now() };
      this.#options.onBroken?.(error);
      throw error;
    }
  }

  /** Ends the process; images that wait fail with SERVER_STOPPING. Resolves when it is gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#queue.close();
    await this.#process?.close();
    await this.#current;
  }
}
