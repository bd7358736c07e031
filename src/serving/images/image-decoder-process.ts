// One life of one decoder process in the jail, from its start to its end. As with a worker, that it is held is what the kernel says, read
// before it gets a byte of an image; what it answers is hostile. Starts nothing again; that is ImageDecoder's.
import { AirlockError } from '../../core/index.ts';
import { decoderEntry, decoderExecArgv, decoderFiles, sealArgument } from '../../decoder/index.ts';
import type { Jail, JailedProcess, JailLimits, ProcessUsage } from '../../sandbox/index.ts';
import type { Watchdog, WatchedWorker } from '../watchdog.ts';
import { type DecoderAnswer, ImageDecoderAnswers } from './image-decoder-answers.ts';
import { crashed, slowness } from './image-decoder-faults.ts';

export interface ImageDecoderProcessOptions {
  readonly jail: Jail;
  readonly watchdog: Watchdog;
  readonly limits: JailLimits;
  /** The file that Node runs; default the real decoder. */
  readonly entry?: string;
  /** Lines that the process prints. */
  readonly onLog?: (line: string) => void;
}

/** One from the launcher, one that the decoder adds before it is ready. */
const sealedFilters = 2;
/** How long one may take that closed its socket, as the kernel does for a process that dies. */
const deathTimeoutMs = 500;
/** What Node says of the options that it is started with. */
const chatter = /^Warning: disabling flag --expose_wasm/;

interface Waiting {
  readonly resolve: (answer: DecoderAnswer) => void;
  readonly reject: (reason: AirlockError) => void;
}

export class ImageDecoderProcess implements WatchedWorker {
  readonly limits: JailLimits;
  /** Settles when the process is gone; never rejects. */
  readonly ended: Promise<void>;
  readonly #jail: Jail;
  readonly #process: JailedProcess;
  #isReady = false;
  #reason: AirlockError | undefined;
  #waiting: Waiting | undefined;
  #receivedBytes = 0;
  readonly #answers = new ImageDecoderAnswers((answer) => {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(answer);
  });

  /** Starts the process. @throws WORKER_START_FAILED when there is no room for one; ENVIRONMENT_LACKING without sharp. */
  constructor({ jail, watchdog, limits, entry, onLog }: ImageDecoderProcessOptions) {
    this.#jail = jail;
    this.limits = limits;
    this.#process = jail.start({
      entry: entry ?? decoderEntry,
      args: jail.level === 'none' ? [] : [sealArgument],
      execArgv: decoderExecArgv,
      readable: decoderFiles(),
      limits,
      onLog: ({ text }) => {
        if (!chatter.test(text)) onLog?.(text);
      },
    });
    const { socket } = this.#process;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    const onEnd = (): void => this.#endSoon();
    socket.on('end', onEnd);
    socket.on('error', onEnd);
    socket.on('close', onEnd);
    const unwatch = watchdog.watch(this);
    this.ended = this.#process.exited.then((exit) => {
      unwatch();
      this.#fail(crashed(exit));
    });
  }

  /**
   * Waits until it is loaded and sealed, and checks that it is held.
   * @throws WORKER_START_FAILED, WORKER_FORBIDDEN, WORKER_OUT_OF_MEMORY, WORKER_PROTOCOL_VIOLATION; it is killed then.
   */
  async ready(timeoutMs: number): Promise<void> {
    const slow = new AirlockError('WORKER_START_FAILED', { detail: 'the decoder of images took too long to start' });
    try {
      const { kind } = await this.#answer(0, timeoutMs, () => slow);
      if (kind !== 'ready') throw new AirlockError('WORKER_PROTOCOL_VIOLATION', { detail: `decoder: ${kind} before ready` });
      if (this.#jail.level !== 'none') await this.#attest();
      this.#isReady = true;
    } catch (thrown) {
      const error = AirlockError.from(thrown);
      this.kill(error);
      if (error.code !== 'WORKER_CRASHED' && error.code !== 'IMAGE_UNDECODABLE') throw error;
      throw new AirlockError('WORKER_START_FAILED', { detail: `the decoder of images: ${error.detail ?? 'it ended'}` });
    }
  }

  async #attest(): Promise<void> {
    const missing = this.#jail.missing(await this.#process.attest(), sealedFilters);
    if (missing.length === 0) return;
    throw new AirlockError('WORKER_START_FAILED', {
      message: 'The jail does not hold the decoder of images as it should',
      detail: `the kernel does not confirm: ${missing.join(', ')}`,
    });
  }

  /**
   * Sends one image; only one at a time. Undefined when the decoder says that it cannot be decoded.
   * @throws IMAGE_UNDECODABLE when the process dies of it or takes longer than `timeoutMs`; DEADLINE_EXCEEDED when the machine was too busy
   * to give it that time; WORKER_OUT_OF_MEMORY, WORKER_FORBIDDEN, WORKER_PROTOCOL_VIOLATION, WORKER_CRASHED. The process is of no use then.
   */
  async decode(
    head: Buffer,
    bytes: Uint8Array,
    limits: { maxImageBytes: number; timeoutMs: number },
  ): Promise<Buffer | undefined> {
    const { maxImageBytes, timeoutMs } = limits;
    const answered = this.#answer(
      maxImageBytes,
      timeoutMs,
      slowness(() => this.usage()?.cpuMs, timeoutMs),
    );
    const { socket } = this.#process;
    socket.write(head);
    socket.write(bytes);
    const { kind, image } = await answered;
    if (kind === 'ready') {
      const error = new AirlockError('WORKER_PROTOCOL_VIOLATION', { detail: 'decoder: ready a second time' });
      this.kill(error);
      throw error;
    }
    return kind === 'image' ? image : undefined;
  }

  async #answer(maxImageBytes: number, timeoutMs: number, slowness: () => AirlockError | undefined): Promise<DecoderAnswer> {
    if (this.#reason !== undefined) throw this.#reason;
    const timer = setInterval(() => {
      const slow = slowness();
      if (slow !== undefined) this.kill(slow);
    }, timeoutMs);
    try {
      return await new Promise<DecoderAnswer>((resolve, reject) => {
        this.#waiting = { resolve, reject };
        this.#answers.expect(maxImageBytes);
      });
    } finally {
      clearInterval(timer);
    }
  }

  #receive(chunk: Buffer): void {
    this.#receivedBytes += chunk.length;
    if (this.#reason !== undefined) return;
    try {
      this.#answers.push(chunk);
    } catch (thrown) {
      this.kill(AirlockError.from(thrown));
    }
  }

  /** A process that exits ends its socket first, and only its exit says why. One that only closed its socket may not linger. */
  #endSoon(): void {
    const timer = setTimeout(() => this.#process.kill(), deathTimeoutMs);
    void this.ended.then(() => clearTimeout(timer));
  }

  #fail(reason: AirlockError): void {
    this.#reason ??= reason;
    this.#waiting?.reject(this.#reason);
    this.#waiting = undefined;
  }

  /** Ends it at once; who waits for an answer is told `reason`. */
  kill(reason: AirlockError): void {
    this.#process.kill();
    this.#fail(reason);
  }

  /** Lets the process end by itself, which it does when its socket ends. */
  async close(): Promise<void> {
    this.#fail(new AirlockError('SERVER_STOPPING'));
    this.#process.socket.end();
    this.#endSoon();
    await this.ended;
  }

  /** True from the moment when it ends or is ended. */
  get isBroken(): boolean {
    return this.#reason !== undefined;
  }

  get processId(): number | undefined {
    return this.#process.processId;
  }

  get phase(): WatchedWorker['phase'] {
    if (!this.#isReady) return 'starting';
    return this.#waiting === undefined ? 'idle' : 'running';
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get unsentBytes(): number {
    return this.#process.socket.writableLength;
  }

  usage(): ProcessUsage | undefined {
    return this.#process.usage();
  }
}
