// One request that a worker on trial did not answer in time, or was ended at. Whether that counts against the worker is decided by the old one, which is asked the same: a
// client can send requests that take too long anywhere, and a short deadline passes on any worker. Never holds up the client, who has his answer already.
import type { OnBlamed } from './runner.ts';
import type { Trial } from './trial.ts';

export class TrialLateRun {
  readonly #trial: Trial;
  readonly #oldAnswers: () => Promise<boolean>;
  #wasAsked = false;
  #wasExcused = false;
  #counts = false;

  /** @param oldAnswers asks the old worker the same, with the whole time of a request; false also when it cannot be asked now. Never rejects. Called once at most. */
  constructor(trial: Trial, oldAnswers: () => Promise<boolean>) {
    this.#trial = trial;
    this.#oldAnswers = oldAnswers;
  }

  /** For the new worker: a crash is judged where the old one answers instead. */
  readonly onBlamed: OnBlamed = (_index, _inputs, { code }, ranMs = 0) => {
    if (code !== 'DEADLINE_EXCEEDED' || this.#counts) return;
    this.#wasExcused = true;
    this.#trial.excuseEnd();
    this.late(ranMs);
  };

  /** The worker was at it for so long, and nothing was before it there. */
  late(ranMs: number): void {
    if (this.#wasAsked || !this.#trial.isWholeTime(ranMs)) return;
    this.#wasAsked = true;
    void this.#oldAnswers().then((answers) => {
      if (!answers) return;
      this.#counts = true;
      this.#trial.fail('DEADLINE_EXCEEDED', false);
      if (this.#wasExcused) this.#trial.countEnd();
    });
  }
}
