// The steps of each version of one model, made from its configuration when the version is: what is shared by all of its versions, where profiles are kept, who is told of what they do, and what
// the metrics say of them. Decides nothing about a request.
import type { ModelConfig } from '../config/index.ts';
import { openOpRegistry } from '../scan/index.ts';
import {
  type ProfileKeeper,
  type ServingEvent,
  Shares,
  type SteppedVersion,
  VersionProfile,
  VersionSteps,
} from '../serving/index.ts';
import type { StepReports } from './step-metrics.ts';

let registry: ReturnType<typeof openOpRegistry> | undefined;

/** Names of a model's own never become labels. The list is read when the first profile is shown. */
function isKnownOp(op: string): boolean {
  registry ??= openOpRegistry();
  return registry.get(op) !== undefined;
}

/** Lines for the operator: limits of operations that TensorFlow does not have hold nothing. */
export function limitsOfNothing({ name, limits }: ModelConfig): string[] {
  return Object.keys(limits.ops)
    .filter((op) => !isKnownOp(op))
    .map((op) => `models.${name}.limits.ops.${op} holds nothing: TensorFlow has no operation of this name`);
}

/** Of the process that has least, since a request runs in one of them and each has its own limit. */
function memoryOfOne({ report, reports = [report] }: SteppedVersion['worker']): number | undefined {
  const known = reports.flatMap(({ state, usage }) => (state === 'ready' && usage !== undefined ? [usage.memoryBytes] : []));
  return known.length === 0 ? undefined : Math.min(...known);
}

export class ModelSteps {
  readonly #model: ModelConfig;
  readonly #profiles: ProfileKeeper;
  readonly #onEvent: (event: ServingEvent) => void;
  readonly #shares: Shares | undefined;
  readonly #live = new Map<VersionSteps, bigint>();

  constructor(model: ModelConfig, profiles: ProfileKeeper, onEvent: (event: ServingEvent) => void) {
    this.#model = model;
    this.#profiles = profiles;
    this.#onEvent = onEvent;
    const { perClient, perModel } = model.limits;
    this.#shares = perClient === undefined && perModel === undefined ? undefined : new Shares({ perClient, perModel });
  }

  /** For a version that is not loaded yet. */
  of({ version, signatures, scanned, identity, worker, tensorflow }: SteppedVersion): VersionSteps {
    const { name: model, limits, profilePercent: percent } = this.#model;
    const about = { model, version };
    const profile = percent === 0 ? undefined : new VersionProfile(this.#profiles, { ...about, identity, tensorflow });
    const steps: VersionSteps = new VersionSteps({
      config: this.#model,
      signatures,
      cost: scanned?.cost,
      shares: this.#shares,
      profiling: profile && {
        percent,
        limits,
        profileOn: (now) => profile.on(now),
        onOverLimit: (found) => this.#onEvent({ kind: 'overLimit', ...about, found }),
      },
      modelMemoryBytes: () => memoryOfOne(worker),
      onAdjusted: (adjustment) => this.#onEvent({ kind: 'adjusted', ...about, ...adjustment }),
      onScheduled: (scheduled) => this.#onEvent({ kind: 'scheduled', ...about, scheduled }),
      onEnd: () => {
        this.#live.delete(steps);
        profile?.drop();
      },
    });
    this.#live.set(steps, version);
    return steps;
  }

  /** Of the versions that are loaded or being loaded. */
  get reports(): StepReports[] {
    const shares = this.#shares?.report;
    return [...this.#live].map(([steps, version]) => ({
      model: this.#model.name,
      version,
      shares,
      ...steps.report(isKnownOp),
    }));
  }
}
