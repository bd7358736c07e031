// How models and their workers fare, as metrics: what is served, what ended and why, and what the processes take. Labels are configured names, versions that were found, and our codes.
import type { ErrorCode } from '../core/index.ts';
import type { ModelCatalog, ModelVersion, ServingEvent } from '../serving/index.ts';
import type { MetricFamily, Sample } from '../telemetry/index.ts';

type Counts = Map<string, Map<ErrorCode, number>>;

/** Counts what only events say. */
export class ServingCounts {
  readonly #failures: Counts = new Map();

  note(event: ServingEvent): void {
    if (event.kind === 'failed' || event.kind === 'refused') count(this.#failures, event.model, event.error.code);
  }

  families(): MetricFamily[] {
    return [
      {
        name: 'airlock_model_load_failures_total',
        help: 'Versions that were refused or did not load, by code; each try counts.',
        type: 'counter',
        samples: samplesOf(this.#failures),
      },
    ];
  }
}

function count(counts: Counts, model: string, code: ErrorCode): void {
  const codes = counts.get(model) ?? new Map<ErrorCode, number>();
  codes.set(code, (codes.get(code) ?? 0) + 1);
  counts.set(model, codes);
}

function samplesOf(counts: Counts): Sample[] {
  return [...counts].flatMap(([model, codes]) => [...codes].map(([code, value]): Sample => [{ model, code }, value]));
}

/** What can be seen of every version that is loaded or being loaded. */
export function catalogMetrics(catalog: ModelCatalog): MetricFamily[] {
  const live = catalog.models.flatMap((model) =>
    model
      .status({})
      .filter(({ state }) => state !== 'END')
      .map((version) => ({
        labels: { model: model.name, version: String(version.version) },
        version,
        report: version.workerReport,
      })),
  );
  type Live = (typeof live)[number];
  const each = (value: (one: Live) => number | undefined): Sample[] =>
    live.flatMap((one): Sample[] => {
      const found = value(one);
      return found === undefined ? [] : [[one.labels, found]];
    });
  return [
    {
      name: 'airlock_model_ready',
      help: '1 while a version of the model can take a request.',
      samples: catalog.models.map((model): Sample => [{ model: model.name }, Number(model.ready)]),
    },
    {
      name: 'airlock_model_version_state',
      help: '1 for the state that the version is in.',
      samples: live.map(({ labels, version }): Sample => [{ ...labels, state: stateOf(version) }, 1]),
    },
    {
      name: 'airlock_worker_restarts_total',
      help: 'How often a worker of the version had to be started again.',
      type: 'counter',
      samples: each(({ report }) => report.restarts),
    },
    {
      name: 'airlock_worker_ends_total',
      help: 'Worker processes that ended by themselves, or were ended for what they did, by code.',
      type: 'counter',
      samples: live.flatMap(({ labels, version }) =>
        Object.entries(version.workerCounts?.ends ?? {}).map(([code, value]): Sample => [{ ...labels, code }, value]),
      ),
    },
    {
      name: 'airlock_worker_changes_total',
      help: 'What was done with workers: put to sleep, woken, more or fewer for the load, requests moved to another one.',
      type: 'counter',
      samples: live.flatMap(({ labels, version }) =>
        changesOf(version).map(([change, value]): Sample => [{ ...labels, change }, value]),
      ),
    },
    {
      name: 'airlock_model_version_asleep',
      help: '1 while the version has no worker because nobody asks; the next request starts one.',
      samples: live.map(({ labels, report }): Sample => [labels, Number(report.state === 'asleep')]),
    },
    {
      name: 'airlock_worker_memory_bytes',
      help: 'Memory of the worker processes, as the kernel counts it.',
      samples: each(({ report }) => report.usage?.memoryBytes),
    },
    {
      name: 'airlock_worker_cpu_seconds_total',
      help: 'Processor time of the worker processes that run now.',
      type: 'counter',
      samples: each(({ report }) => report.usage && report.usage.cpuMs / 1000),
    },
    {
      name: 'airlock_worker_threads',
      help: 'Threads of the worker processes.',
      samples: each(({ report }) => report.usage?.threads),
    },
  ];
}

function changesOf({ workerCounts }: ModelVersion): readonly (readonly [string, number])[] {
  if (workerCounts === undefined) return [];
  const { ends: _ends, ...changes } = workerCounts;
  return Object.entries(changes);
}

function stateOf({ state }: ModelVersion): string {
  return state.toLowerCase();
}
