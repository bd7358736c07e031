// Hands accepted requests to the recorder, and says in numbers what became of them. Only tensors and the names of model and signature go through here.
import type { Config } from '../config/index.ts';
import { type OfferedVersion, Recorder, type RecorderReport } from '../recording/index.ts';
import type { ModelVersion } from '../serving/index.ts';
import type { MetricFamily } from '../telemetry/index.ts';
import type { Signature, Tensor } from '../tensor/index.ts';

/** Told of each request that the model answered. */
export type OnAnswered = (signature: Signature, tensors: readonly Tensor[]) => void;

/** Undefined where the configuration lets no model be recorded. @throws CONFIG_INVALID for a recipient that is none. */
export function openRecorder({ store, recording, models }: Config, onTrouble: (text: string) => void): Recorder | undefined {
  const recorded = models.flatMap(({ name, recording: one }) => (one === undefined ? [] : [[name, one] as const]));
  if (recording === undefined || recorded.length === 0) return undefined;
  return new Recorder({ store, config: recording, models: new Map(recorded), onTrouble });
}

const offered = new WeakMap<ModelVersion, OfferedVersion>();

function offeredVersion(version: ModelVersion): OfferedVersion {
  const known = offered.get(version);
  if (known !== undefined) return known;
  const made = { version: version.version, signatures: version.metaGraph.signatures, contract: version.contract };
  offered.set(version, made);
  return made;
}

/** What a request of `model` does with its answer; undefined where nothing of it may be recorded. */
export function recorderHook(recorder: Recorder | undefined, model: string, version: ModelVersion): OnAnswered | undefined {
  if (recorder === undefined) return undefined;
  return (signature, tensors) => recorder.offer({ model, version: offeredVersion(version), signature, tensors });
}

export function recorderMetrics({ kept, leftOut, dropped, failed, active }: RecorderReport): MetricFamily[] {
  const outcomes = Object.entries({ kept, leftOut, dropped, failed });
  return [
    {
      name: 'airlock_recording_requests_total',
      help: 'Sampled requests by what became of them.',
      type: 'counter',
      samples: outcomes.map(([outcome, count]) => [{ outcome }, count]),
    },
    {
      name: 'airlock_recording_active',
      help: 'Models that are being recorded.',
      samples: [[{}, active.length]],
    },
  ];
}
