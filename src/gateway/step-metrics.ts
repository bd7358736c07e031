// What the steps between a request's contract and its worker came to, as metrics: admission by cost, shares, the limiter, the queue with its batches, and what traced runs said. Labels
// are configured models, versions, and words of ours; an operation's name is one of TensorFlow's or `other`. No client is ever a label, however few there are.
import type { ProfileReport } from '../profile/index.ts';
import {
  batchSizeBounds,
  type ConcurrencyReport,
  type CostReport,
  type MemoryBudgetReport,
  type RunSchedulerReport,
  type SharesReport,
} from '../serving/index.ts';
import type { Family, HistogramValues, Labels, Sample } from '../telemetry/index.ts';

/** Of one version; what it has not is undefined. */
export interface StepReports {
  readonly model: string;
  readonly version: bigint;
  readonly scheduler?: RunSchedulerReport | undefined;
  readonly concurrency?: ConcurrencyReport | undefined;
  /** Of the model; said once for all of its versions. */
  readonly shares?: SharesReport | undefined;
  readonly cost?: CostReport | undefined;
  readonly profile?: ProfileReport | undefined;
}

interface StepMetric {
  readonly name: string;
  readonly help: string;
  readonly type?: 'counter';
  readonly of: (reports: StepReports) => readonly Sample[];
}

function one(value: number | undefined): readonly Sample[] {
  return value === undefined ? [] : [[{}, value]];
}

function each(label: string, values: Readonly<Record<string, number>> | undefined): readonly Sample[] {
  return Object.entries(values ?? {}).map(([key, value]): Sample => [{ [label]: key }, value]);
}

const metrics: readonly StepMetric[] = [
  {
    name: 'airlock_queue_waiting',
    help: 'Requests that wait for their turn, or for others of their batch, now.',
    of: ({ scheduler }) => one(scheduler?.waiting),
  },
  {
    name: 'airlock_queue_waiting_clients',
    help: 'Clients that have a request waiting now.',
    of: ({ scheduler }) => one(scheduler?.waitingClients),
  },
  {
    name: 'airlock_runs_in_flight',
    help: 'Runs that were handed to the workers and are not answered, a batch being one.',
    of: ({ scheduler }) => one(scheduler?.inFlight),
  },
  {
    name: 'airlock_queue_refusals_total',
    help: 'Requests that were refused because the queue was full or their deadline could not be kept, and those whose deadline passed in it.',
    type: 'counter',
    of: ({ scheduler }) => each('reason', scheduler && { ...scheduler.refused, expired: scheduler.expired }),
  },
  {
    name: 'airlock_batch_splits_total',
    help: 'Batches that failed and were cut in two to find the request that they failed for.',
    type: 'counter',
    of: ({ scheduler }) => one(scheduler?.splits),
  },
  {
    name: 'airlock_poison_total',
    help: 'Inputs that came to be known as poison (found), and requests that were refused because of it (refused).',
    type: 'counter',
    of: ({ scheduler }) => each('event', scheduler && { ...scheduler.poisoned }),
  },
  {
    name: 'airlock_concurrency_limit',
    help: 'Requests that are let through at one time, as the limiter has it now.',
    of: ({ concurrency }) => one(concurrency?.limit),
  },
  {
    name: 'airlock_concurrency_under_way',
    help: 'Requests that the limiter has let through and that are not over.',
    of: ({ concurrency }) => one(concurrency?.underWay),
  },
  {
    name: 'airlock_concurrency_adjustments_total',
    help: 'Changes of the limit; each is in the log with its reason.',
    type: 'counter',
    of: ({ concurrency }) => one(concurrency?.adjustments),
  },
  {
    name: 'airlock_concurrency_refusals_total',
    help: 'Requests that the limiter refused.',
    type: 'counter',
    of: ({ concurrency }) => one(concurrency?.refused),
  },
  {
    name: 'airlock_concurrency_latency_seconds',
    help: 'What requests took lately, as the limiter sees it; 0 before that is known.',
    of: ({ concurrency }) => one(concurrency && concurrency.latencyMs / 1000),
  },
  {
    name: 'airlock_cost_refusals_total',
    help: 'Requests that were refused for what they were predicted to cost, by the limit.',
    type: 'counter',
    of: ({ cost }) => each('rule', cost && { ...cost.refused }),
  },
  {
    name: 'airlock_cost_error_factor',
    help: 'By what factor predicted times are off lately; absent before anything was measured.',
    of: ({ cost }) => one(cost?.errorFactor),
  },
  {
    name: 'airlock_profile_runs_total',
    help: 'Runs that were traced for the profile.',
    type: 'counter',
    of: ({ profile }) => one(profile?.tracedRuns),
  },
  {
    name: 'airlock_profile_peak_bytes',
    help: 'Memory of the largest traced run, beside what the model keeps.',
    of: ({ profile }) => one(profile?.peakBytes),
  },
  {
    name: 'airlock_profile_op_seconds_total',
    help: 'Time of operations in traced runs: the ten that take most, and other for the rest.',
    type: 'counter',
    of: ({ profile }) => (profile?.ops ?? []).map(({ op, seconds }): Sample => [{ op }, seconds]),
  },
  {
    name: 'airlock_profile_over_limit_total',
    help: 'Times that an operation or a node was seen beyond its limit.',
    type: 'counter',
    of: ({ profile }) => one(profile?.overLimit),
  },
];

/** @param reports of all versions that are loaded, each once. */
export function stepMetrics(reports: readonly StepReports[]): Family[] {
  const labelled = reports.map((step) => ({ step, about: aboutOf(step) }));
  return [
    ...metrics.map(({ name, help, type = 'gauge' as const, of }): Family => {
      const samples = labelled.flatMap(({ step, about }) =>
        of(step).map(([labels, value]): Sample => [{ ...about, ...labels }, value]),
      );
      return { name, help, type, samples };
    }),
    {
      name: 'airlock_batch_rows',
      help: 'Rows of the batches that were answered.',
      type: 'histogram',
      histograms: labelled.flatMap(({ step: { scheduler }, about }) =>
        scheduler === undefined ? [] : [[about, batchRows(scheduler)] as const],
      ),
    },
    {
      name: 'airlock_cost_ratio',
      help: 'Measured time by predicted time, of runs that had the worker to themselves: 1 is a prediction that was right.',
      type: 'histogram',
      histograms: labelled.flatMap(({ step: { cost }, about }) =>
        cost?.ratios === undefined ? [] : [[about, cost.ratios] as const],
      ),
    },
    ...shareMetrics(reports),
  ];
}

function aboutOf({ model, version }: StepReports): Labels {
  return { model, version: String(version) };
}

function batchRows({ batchRows: { counts, total } }: RunSchedulerReport): HistogramValues {
  let sum = 0;
  const cumulative = counts.map((count) => (sum += count));
  return { bounds: batchSizeBounds.slice(0, -1), sum: total, cumulative: () => cumulative };
}

function shareMetrics(reports: readonly StepReports[]): Family[] {
  const byModel = new Map(reports.flatMap(({ model, shares }) => (shares === undefined ? [] : [[model, shares] as const])));
  const samples = (of: (shares: SharesReport) => readonly Sample[]): Sample[] =>
    [...byModel].flatMap(([model, shares]) => of(shares).map(([labels, value]): Sample => [{ model, ...labels }, value]));
  return [
    {
      name: 'airlock_share_under_way',
      help: 'Requests of the model that are under way, of all clients.',
      samples: samples(({ underWay }) => one(underWay)),
    },
    {
      name: 'airlock_share_predicted_bytes',
      help: 'Memory that they were predicted to take; 0 where no memory is limited.',
      samples: samples(({ bytes }) => one(bytes)),
    },
    {
      name: 'airlock_share_refusals_total',
      help: 'Requests that were refused because a client, or all clients together, had enough of the model.',
      type: 'counter',
      samples: samples(({ refused }) => each('reason', { ...refused })),
    },
  ];
}

/** The memory of all workers together. */
export function budgetMetrics(report: MemoryBudgetReport): Family[] {
  const { limitBytes, usedBytes, heldBytes, workers, refusals, evictions, kills } = report;
  return [
    { name: 'airlock_memory_budget_bytes', help: 'What all workers together may take.', samples: one(limitBytes) },
    { name: 'airlock_memory_used_bytes', help: 'What they take, as the kernel counts it.', samples: one(usedBytes) },
    { name: 'airlock_memory_held_bytes', help: 'That, and what is set aside for those that load.', samples: one(heldBytes) },
    { name: 'airlock_worker_processes', help: 'Worker processes, spare ones included.', samples: one(workers) },
    {
      name: 'airlock_memory_refusals_total',
      help: 'Starts of workers that were refused for want of memory.',
      type: 'counter',
      samples: one(refusals),
    },
    {
      name: 'airlock_memory_evictions_total',
      help: 'Things given up to stay below the budget: extra workers, spare ones, workers of versions that nobody asked, what idle ones kept.',
      type: 'counter',
      samples: each('what', { ...evictions }),
    },
    {
      name: 'airlock_memory_kills_total',
      help: 'Workers that were ended because all together had too much.',
      type: 'counter',
      samples: one(kills),
    },
  ];
}
