// The pause after a start that failed. It doubles, so that a model that cannot load does not keep the machine busy with trying.
import { AirlockError } from '../../core/index.ts';

const maxPauseMs = 60_000;

export class StartPause {
  readonly #firstMs: number;
  #failures = 0;
  #endMs = 0;
  #error: AirlockError | undefined;

  constructor(firstMs: number) {
    this.#firstMs = firstMs;
  }

  get isOver(): boolean {
    return performance.now() >= this.#endMs;
  }

  /** What a client is told: that there is no memory now, or that the model is not there. Why is for the log. */
  get error(): AirlockError {
    return this.#error ?? new AirlockError('MODEL_NOT_AVAILABLE');
  }

  begin(cause: AirlockError): void {
    this.#error = cause.code === 'MEMORY_BUDGET_EXCEEDED' ? cause : new AirlockError('MODEL_NOT_AVAILABLE', { cause });
    this.#endMs = performance.now() + Math.min(this.#firstMs * 2 ** this.#failures, maxPauseMs);
    this.#failures++;
  }

  /** A start went well: the next pause is a short one again. */
  reset(): void {
    this.#failures = 0;
  }
}
