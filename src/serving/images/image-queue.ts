// Who is next at the decoder of images: models take turns, however many images of one of them wait, and what waited too long is not started.
// Knows no process and no image.
import { AirlockError } from '../../core/index.ts';

/** Whose turn an image takes, and how long all of it may last. */
export interface ImageTurn {
  /** One for each model: what has one owner is served in its order, owners take turns. */
  readonly owner: object;
  /** From now until the image is made, waiting included. */
  readonly timeoutMs: number;
}

class Entry {
  readonly owner: object;
  /** Nobody waits for it any more. */
  isOverdue = false;
  #start: () => void = () => undefined;
  #fail: (reason: AirlockError) => void = () => undefined;
  readonly started = new Promise<void>((resolve) => {
    this.#start = resolve;
  });
  readonly failed = new Promise<never>((_resolve, reject) => {
    this.#fail = reject;
  });

  constructor(owner: object) {
    this.owner = owner;
  }

  start(): void {
    this.#start();
  }

  fail(reason: AirlockError): void {
    this.#fail(reason);
  }
}

export class ImageQueue {
  readonly #maxQueued: number;
  /** In the order in which owners get their turns. */
  readonly #waiting = new Map<object, Entry[]>();
  #running: Entry | undefined;
  #isClosed = false;

  /** The limit is for the entries of one owner, with the one that is worked on. */
  constructor(maxQueued: number) {
    this.#maxQueued = maxQueued;
  }

  /**
   * Does `work` when it is its turn, and nothing else of this queue meanwhile. Work that is overdue goes on, without anybody to take its
   * result; it can ask whether it is.
   * @throws SERVER_OVERLOADED when too many wait, DEADLINE_EXCEEDED when its time is over, SERVER_STOPPING, and what `work` throws.
   */
  async run<Result>({ owner, timeoutMs }: ImageTurn, work: (isOverdue: () => boolean) => Promise<Result>): Promise<Result> {
    if (this.#isClosed) throw new AirlockError('SERVER_STOPPING');
    const others = this.#waiting.get(owner) ?? [];
    if (others.length + Number(this.#running?.owner === owner) >= this.#maxQueued) throw new AirlockError('SERVER_OVERLOADED');
    const entry = new Entry(owner);
    this.#waiting.set(owner, [...others, entry]);
    // Node runs timers before it reads sockets: after a long turn of this server the image may lie there already.
    const timer = setTimeout(() => setImmediate(() => this.#expire(entry)), timeoutMs);
    const done = Promise.race([entry.failed, this.#serve(entry, work)]);
    if (this.#running === undefined) this.#next();
    try {
      return await done;
    } finally {
      clearTimeout(timer);
    }
  }

  async #serve<Result>(entry: Entry, work: (isOverdue: () => boolean) => Promise<Result>): Promise<Result> {
    await entry.started;
    try {
      return await work(() => entry.isOverdue);
    } finally {
      this.#next();
    }
  }

  #next(): void {
    this.#running = undefined;
    for (const [owner, [first, ...others]] of this.#waiting) {
      this.#waiting.delete(owner);
      if (others.length > 0) this.#waiting.set(owner, others);
      this.#running = first;
      first.start();
      return;
    }
  }

  #expire(entry: Entry): void {
    entry.isOverdue = true;
    const others = (this.#waiting.get(entry.owner) ?? []).filter((other) => other !== entry);
    if (others.length > 0) this.#waiting.set(entry.owner, others);
    else this.#waiting.delete(entry.owner);
    entry.fail(new AirlockError('DEADLINE_EXCEEDED'));
  }

  /** Whatever waits fails with SERVER_STOPPING; what is worked on goes on. */
  close(): void {
    this.#isClosed = true;
    const waiting = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    for (const entry of waiting) entry.fail(new AirlockError('SERVER_STOPPING'));
  }
}
