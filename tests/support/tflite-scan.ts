// Scans bytes as a TFLite model and says what came out, for tests.

import { decodeMessage, type GraphDef, GraphDefSchema } from '../../src/model/index.ts';
import type { ScanLimits } from '../../src/scan/scan-context.ts';
import { scanTflite } from '../../src/scan/tflite/index.ts';
import { type RecordingContext, recordingContext, sourceOf } from './recording-context.ts';

export interface TfliteScan {
  readonly context: RecordingContext;
  readonly graphs: readonly GraphDef[];
  readonly weights: readonly string[];
  /** `severity rule: message`, medium and above. */
  readonly serious: readonly string[];
  readonly all: readonly string[];
}

export async function scanTfliteBytes(bytes: Uint8Array, limits: Partial<ScanLimits> = {}): Promise<TfliteScan> {
  const context = recordingContext(limits);
  const graphs: GraphDef[] = [];
  const weights: string[] = [];
  await scanTflite(sourceOf(bytes, 'model.tflite'), context, {
    graph: (graphDef) => void graphs.push(decodeMessage(GraphDefSchema, graphDef, 'graph')),
    weights: (tensors) => {
      for (const tensor of tensors) weights.push(tensor.name);
    },
  });
  const all = context.findings.map((finding) => `${finding.severity} ${finding.ruleId}: ${finding.message}`);
  return { context, graphs, weights, all, serious: all.filter((line) => /^(medium|high|critical)/.test(line)) };
}
