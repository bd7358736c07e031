// A made-up model server in made-up time: clients that ask, workers that take from one queue. For tests of what follows the load; the same seed gives
// the same run.
import { ConcurrencySlots, type SlotOutcome } from '../../src/serving/limits/concurrency-slots.ts';

export interface QueueingClient {
  readonly key: string;
  /** Asks so often in a second, whatever becomes of it. */
  readonly perSecond: number;
}

export interface QueueingOptions {
  readonly seed: number;
  readonly bounds: { readonly min: number; readonly max: number };
  /** May change while it runs. */
  readonly workers: number | ((nowMs: number) => number);
  /** Milliseconds for `rows` requests together. @param random from 0 to 1. */
  readonly serviceMs: (rows: number, random: () => number, nowMs: number) => number;
  /** Requests that a worker takes together. Default 1. */
  readonly batchRows?: number;
  readonly clients: readonly QueueingClient[];
  /** A request that waited longer fails. Default never. */
  readonly timeoutMs?: number;
}

interface Waiting {
  readonly client: ReturnType<ConcurrencySlots['take']>;
  readonly key: string;
  readonly startMs: number;
}

interface Tally {
  asked: number;
  answered: number;
  refused: number;
}

export class Queueing {
  readonly slots: ConcurrencySlots;
  readonly changes: { readonly atMs: number; readonly from: number; readonly to: number; readonly reason: string }[] = [];
  nowMs = 0;
  readonly #options: QueueingOptions;
  readonly #random: () => number;
  readonly #queue: Waiting[] = [];
  readonly #events: { readonly atMs: number; readonly act: () => void }[] = [];
  readonly #tallies = new Map<string, Tally>();
  #busy = 0;
  #answered = 0;
  #latencies = 0;

  constructor(options: QueueingOptions) {
    this.#options = options;
    this.#random = mulberry32(options.seed);
    this.slots = new ConcurrencySlots(options.bounds, (change) => this.changes.push({ atMs: this.nowMs, ...change }), 0);
    for (const client of options.clients) this.#ask(client);
  }

  get limit(): number {
    return this.slots.limiter.limit;
  }

  /** Goes on until `untilMs`, and says what happened meanwhile. */
  run(untilMs: number): { readonly perSecond: number; readonly latencyMs: number; readonly meanLimit: number } {
    const [from, answered, latencies] = [this.nowMs, this.#answered, this.#latencies];
    let area = 0;
    for (let event = this.#pop(untilMs); event !== undefined; event = this.#pop(untilMs)) {
      area += this.limit * (event.atMs - this.nowMs);
      this.nowMs = event.atMs;
      event.act();
      const { limit, underWay } = this.slots.limiter;
      const { min, max } = this.#options.bounds;
      if (limit < min || limit > max) throw new Error(`The limit ${limit} is outside its bounds`);
      if (underWay < 0 || underWay > max) throw new Error(`${underWay} are under way`);
    }
    area += this.limit * (untilMs - this.nowMs);
    this.nowMs = untilMs;
    const done = this.#answered - answered;
    const ms = untilMs - from;
    return { perSecond: (done * 1_000) / ms, latencyMs: (this.#latencies - latencies) / done, meanLimit: area / ms };
  }

  /** Of one client, since the start or since this was asked last. */
  tally(key: string): Tally {
    const tally = this.#tallies.get(key) ?? { asked: 0, answered: 0, refused: 0 };
    this.#tallies.delete(key);
    return tally;
  }

  /** Changes of the limit since `fromMs`. */
  changesSince(fromMs: number): number {
    return this.changes.filter(({ atMs }) => atMs >= fromMs).length;
  }

  #ask(client: QueueingClient): void {
    const pauseMs = (-Math.log(1 - this.#random()) * 1_000) / client.perSecond;
    this.#at(this.nowMs + pauseMs, () => {
      this.#ask(client);
      const taken = this.slots.take(client.key, this.nowMs);
      const tally = this.#tallies.get(client.key) ?? { asked: 0, answered: 0, refused: 0 };
      this.#tallies.set(client.key, tally);
      tally.asked++;
      if (taken === undefined) {
        tally.refused++;
        return;
      }
      this.#queue.push({ client: taken, key: client.key, startMs: this.nowMs });
      this.#serve();
    });
  }

  #serve(): void {
    const { workers } = this.#options;
    const most = typeof workers === 'number' ? workers : workers(this.nowMs);
    while (this.#busy < most && this.#queue.length > 0) {
      const batch = this.#queue.splice(0, this.#options.batchRows ?? 1);
      this.#busy++;
      this.#at(this.nowMs + this.#options.serviceMs(batch.length, this.#random, this.nowMs), () => {
        this.#busy--;
        for (const one of batch) this.#finish(one);
        this.#serve();
      });
    }
  }

  #finish({ client, key, startMs }: Waiting): void {
    if (client === undefined) return;
    const isLate = this.nowMs - startMs > (this.#options.timeoutMs ?? Number.POSITIVE_INFINITY);
    const outcome: SlotOutcome = isLate ? 'overload' : 'answered';
    this.slots.release(client, outcome, startMs, this.nowMs);
    if (isLate) return;
    this.#answered++;
    this.#latencies += this.nowMs - startMs;
    const tally = this.#tallies.get(key);
    if (tally !== undefined) tally.answered++;
  }

  /** A binary heap: the soonest first. */
  #at(atMs: number, act: () => void): void {
    const events = this.#events;
    let index = events.length;
    events.push({ atMs, act });
    for (let parent = (index - 1) >> 1; index > 0 && events[parent].atMs > atMs; parent = (index - 1) >> 1) {
      [events[index], events[parent]] = [events[parent], events[index]];
      index = parent;
    }
  }

  #pop(untilMs: number): { readonly atMs: number; readonly act: () => void } | undefined {
    const events = this.#events;
    const first = events.at(0);
    if (first === undefined || first.atMs > untilMs) return undefined;
    const last = events.pop();
    if (last === undefined || events.length === 0) return first;
    events[0] = last;
    for (let index = 0; ; ) {
      let least = index;
      for (const child of [2 * index + 1, 2 * index + 2]) {
        if (child < events.length && events[child].atMs < events[least].atMs) least = child;
      }
      if (least === index) return first;
      [events[index], events[least]] = [events[least], events[index]];
      index = least;
    }
  }
}

function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
