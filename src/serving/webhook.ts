// Tells somebody by HTTP that a model became worse: JSON, signed, and sent again until it was taken. Follows no redirect, because the signature is for
// one receiver, and sends nothing of a request or of this machine.
import { createHmac, randomUUID } from 'node:crypto';
import type { WebhookConfig } from '../config/index.ts';
import { AirlockError } from '../core/index.ts';

export interface WebhookMessage {
  /** `scan.worse`, … */
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface WebhookOptions extends Pick<WebhookConfig, 'url'> {
  readonly secret: Buffer;
  /** A message was not taken after all tries. */
  readonly onLost: (message: WebhookMessage, reason: string) => void;
  /** Pauses before the tries after the first. Default 1 s, 5 s, 30 s, 5 min, 30 min. */
  readonly retryDelaysMs?: readonly number[];
  /** For one try. Default 10,000. */
  readonly timeoutMs?: number;
}

/** Messages that wait; the oldest is given up for a new one. */
const maxWaiting = 100;
const minSecretBytes = 16;

/**
 * `Airlock-Signature: t=SECONDS,v1=HEX`, where HEX is HMAC-SHA-256 with the secret over `SECONDS.BODY`; a receiver compares it in constant time and
 * refuses what is older than some minutes. `Airlock-Delivery` is the same for each try of one message.
 */
export class Webhook {
  readonly #options: Required<WebhookOptions>;
  readonly #waiting: { readonly message: WebhookMessage; readonly id: string }[] = [];
  readonly #abort = new AbortController();
  #sending: Promise<void> | undefined;

  /** @throws CONFIG_INVALID when the secret has fewer than 16 bytes. */
  constructor(options: WebhookOptions) {
    if (options.secret.length < minSecretBytes)
      throw new AirlockError('CONFIG_INVALID', { message: `scan.webhook.secretFile: fewer than ${minSecretBytes} bytes` });
    this.#options = { retryDelaysMs: [1_000, 5_000, 30_000, 300_000, 1_800_000], timeoutMs: 10_000, ...options };
  }

  /** Never waits and never throws. */
  send(message: WebhookMessage): void {
    if (this.#abort.signal.aborted) return;
    if (this.#waiting.length === maxWaiting) {
      const [lost] = this.#waiting.splice(0, 1);
      this.#options.onLost(lost.message, 'too many messages wait');
    }
    this.#waiting.push({ message, id: randomUUID() });
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  /** Gives up what waits. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const reason = await this.#deliver(next.message, next.id);
      if (reason !== undefined) this.#options.onLost(next.message, reason);
    }
  }

  /** Undefined when it was taken. */
  async #deliver(message: WebhookMessage, id: string): Promise<string | undefined> {
    const body = JSON.stringify(message);
    let reason = 'the server stops';
    for (const delayMs of [0, ...this.#options.retryDelaysMs]) {
      await this.#pause(delayMs);
      if (this.#abort.signal.aborted) return reason;
      const answer = await this.#post(body, id);
      if (answer === undefined) return undefined;
      reason = answer;
    }
    return reason;
  }

  async #post(body: string, id: string): Promise<string | undefined> {
    const { url, secret, timeoutMs } = this.#options;
    const seconds = Math.floor(Date.now() / 1000);
    const mac = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
    try {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'error',
        body,
        headers: { 'content-type': 'application/json', 'airlock-signature': `t=${seconds},v1=${mac}`, 'airlock-delivery': id },
        signal: AbortSignal.any([this.#abort.signal, AbortSignal.timeout(timeoutMs)]),
      });
      await response.body?.cancel();
      return response.ok ? undefined : `the receiver answered ${response.status}`;
    } catch (thrown) {
      return thrown instanceof Error && thrown.name === 'TimeoutError'
        ? 'the receiver did not answer'
        : 'the receiver cannot be reached';
    }
  }

  #pause(delayMs: number): Promise<void> {
    const { signal } = this.#abort;
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, delayMs);
      timer.unref();
      signal.addEventListener('abort', done);
      if (signal.aborted) done();
    });
  }
}
