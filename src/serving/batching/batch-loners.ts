// Clients whose request made a batch fail, which meet nobody for a while: who sends another such request each time would have every batch of the others cut in pieces.

/** How long a client runs by itself after each time. */
const aloneMs = 30_000;
const maxClients = 1024;

export class Loners {
  readonly #untilMs = new Map<string, number>();
  readonly #clock: () => number;

  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** Without a name it is the program that embeds the model, and everybody. */
  add(client: string): void {
    if (client === '') return;
    this.#untilMs.delete(client);
    this.#untilMs.set(client, this.#clock() + aloneMs);
    if (this.#untilMs.size <= maxClients) return;
    for (const oldest of this.#untilMs.keys()) {
      this.#untilMs.delete(oldest);
      return;
    }
  }

  has(client: string): boolean {
    if (this.#untilMs.size === 0) return false;
    const untilMs = this.#untilMs.get(client);
    if (untilMs === undefined) return false;
    if (untilMs > this.#clock()) return true;
    this.#untilMs.delete(client);
    return false;
  }
}
