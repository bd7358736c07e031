// What all requests of one server came to. A request is counted under a configured model or under none: a name that a client made up has no place here to be kept in.
import { type ErrorCode, errorSpec } from '../core/index.ts';
import type { Histogram } from './histogram.ts';
import type { Family, Labels, Sample } from './metric-family.ts';
import { inferenceVerbs, ModelMeter, type RequestVerb, requestPhases } from './model-meter.ts';
import { RequestMeter } from './request-meter.ts';
import type { RequestTracer } from './request-tracer.ts';

export interface ServerMeterOptions {
  /** Configured names. */
  readonly models: readonly string[];
  /** `telemetry.servingMetrics`. */
  readonly servingNames: boolean;
  /** Undefined where nothing is traced. */
  readonly tracer?: RequestTracer | undefined;
}

/** As TensorFlow Serving calls them. */
const apiNames = { predict: 'Predict', classify: 'Classify', regress: 'Regress' } as const;

export class ServerMeter {
  readonly #models: ReadonlyMap<string, ModelMeter>;
  readonly #strangers = new ModelMeter('');
  readonly #servingNames: boolean;
  readonly #tracer: RequestTracer | undefined;

  constructor({ models, servingNames, tracer }: ServerMeterOptions) {
    this.#models = new Map(models.map((name) => [name, new ModelMeter(name)]));
    this.#servingNames = servingNames;
    this.#tracer = tracer;
  }

  /**
   * The meter of one request, which has to be ended.
   * @param name as the client wrote it; undefined for what is no request of the interface.
   * @param traceParent the header, as it came.
   */
  begin(name: string | undefined, verb: RequestVerb, traceParent: string | readonly string[] | undefined): RequestMeter {
    const startMs = performance.now();
    const model = (name === undefined ? undefined : this.#models.get(name)) ?? this.#strangers;
    const trace = verb === 'other' ? undefined : this.#tracer?.begin(traceParent, startMs);
    return new RequestMeter(model, verb, startMs, trace, this.#servingNames);
  }

  /** What never became a request: bytes that are not HTTP, headers that do not end. */
  refusedConnection(code: ErrorCode): void {
    this.#strangers.refused(code, false);
  }

  families(): Family[] {
    const all = [this.#strangers, ...this.#models.values()];
    return [
      requestCounts(all),
      refusalCounts(all),
      ...durations(all),
      {
        name: 'airlock_request_body_bytes_total',
        help: 'Bytes of request bodies as they were decoded, and of answers.',
        type: 'counter',
        samples: all.flatMap((meter): Sample[] => [
          [{ model: meter.name, direction: 'in' }, meter.bytesIn],
          [{ model: meter.name, direction: 'out' }, meter.bytesOut],
        ]),
      },
      {
        name: 'airlock_requests_in_flight',
        help: 'Requests that are being read, wait, run, or are answered now.',
        samples: all.map((meter): Sample => [{ model: meter.name }, meter.inFlight]),
      },
      ...(this.#servingNames ? servingFamilies([...this.#models.values()]) : []),
      ...(this.#tracer?.families() ?? []),
    ];
  }
}

function requestCounts(all: readonly ModelMeter[]): Family {
  const samples: Sample[] = [];
  for (const { name, unresolved, versions } of all) {
    for (const [version, counts] of [['', unresolved] as const, ...versions])
      for (const [verb, statusClass, count] of counts.entries())
        samples.push([{ model: name, version: String(version), verb, class: statusClass }, count]);
  }
  return {
    name: 'airlock_requests_total',
    help: 'Requests that were answered or refused. The version is empty where none was chosen, the model where none of that name is configured.',
    type: 'counter',
    samples,
  };
}

function refusalCounts(all: readonly ModelMeter[]): Family {
  const samples = all.flatMap(({ name, refusals, otherRefusals }) => {
    const codes = new Set([...refusals.keys(), ...otherRefusals.keys()]);
    return [...codes].map((code): Sample => {
      return [{ model: name, code }, (refusals.get(code) ?? 0) + (otherRefusals.get(code) ?? 0)];
    });
  });
  return {
    name: 'airlock_refusals_total',
    help: 'Requests that were refused or failed, by the code of docs/errors.md.',
    type: 'counter',
    samples,
  };
}

function durations(all: readonly ModelMeter[]): Family[] {
  const wholes = all.flatMap(({ name, durations }) =>
    inferenceVerbs.flatMap((verb) => entry({ model: name, verb }, durations[verb])),
  );
  const refusals = all.flatMap(({ name, refusalDurations }) =>
    refusalDurations.count === 0 ? [] : entry({ model: name }, refusalDurations),
  );
  const phases = all.flatMap(({ name, phases }) =>
    requestPhases.flatMap((phase) => entry({ model: name, phase }, phases[phase])),
  );
  return [
    {
      name: 'airlock_request_duration_seconds',
      help: 'From the headers of an inference that was answered to its answer.',
      type: 'histogram',
      histograms: wholes,
    },
    {
      name: 'airlock_refusal_duration_seconds',
      help: 'From the headers of an inference that was refused or failed to its answer.',
      type: 'histogram',
      histograms: refusals,
    },
    {
      name: 'airlock_request_phase_seconds',
      help: 'Parts of an inference. decode has reading the body in it; contract is of inputs and outputs; queue and batch are waiting.',
      type: 'histogram',
      histograms: phases,
    },
  ];
}

type Entry = readonly [Labels, Histogram];

function entry(labels: Labels, histogram: Histogram | undefined): Entry[] {
  return histogram === undefined ? [] : [[labels, histogram]];
}

/**
 * Names of tensorflow/serving@9d981c5, servables/tensorflow/util.cc, as its Prometheus exporter writes them. Its counts also have names of models that clients made up; these do not. Only
 * inferences count, as there; latencies are those of successes, in microseconds.
 */
function servingFamilies(models: readonly ModelMeter[]): Family[] {
  const counts = models.flatMap((meter): Sample[] => {
    const byStatus = new Map<string, number>();
    const ok = inferenceVerbs.reduce((sum, verb) => sum + (meter.durations[verb]?.count ?? 0), 0);
    if (ok > 0) byStatus.set('OK', ok);
    for (const [code, count] of meter.refusals) {
      const status = errorSpec(code).status.toUpperCase();
      byStatus.set(status, (byStatus.get(status) ?? 0) + count);
    }
    return [...byStatus].map(([status, count]): Sample => [{ model_name: meter.name, status }, count]);
  });
  return [
    { name: ':tensorflow:serving:request_count', help: 'The total number of requests.', type: 'counter', samples: counts },
    {
      name: ':tensorflow:serving:request_latency',
      help: 'Distribution of wall time (in microseconds) for a request that was answered.',
      type: 'histogram',
      histograms: models.flatMap(({ name, servingRequests }) =>
        inferenceVerbs.flatMap((verb) => entry({ model_name: name, API: verb, entrypoint: 'REST' }, servingRequests[verb])),
      ),
    },
    {
      name: ':tensorflow:serving:runtime_latency',
      help: 'Distribution of wall time (in microseconds) for the TensorFlow runtime, waiting for a batch included.',
      type: 'histogram',
      histograms: models.flatMap(({ name, servingRuns }) =>
        inferenceVerbs.flatMap((verb) => entry({ model_name: name, API: apiNames[verb], runtime: 'TF1' }, servingRuns[verb])),
      ),
    },
  ];
}
