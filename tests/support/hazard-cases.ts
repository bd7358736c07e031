// One graph in, findings out: for tests of src/scan/hazards.
import type { Severity } from '../../src/core/index.ts';
import { type Program, readGraphDefProgram, readMetaGraphProgram, readSavedModelPrograms } from '../../src/scan/graph/index.ts';
import { type FolderFacts, judgeProgram } from '../../src/scan/hazards/index.ts';
import type { Finding } from '../../src/scan/scan-types.ts';
import { openValues } from '../../src/scan/values/index.ts';
import {
  attrBool,
  attrFunc,
  attrType,
  attrTypes,
  type FunctionInput,
  graphDef,
  type MetaGraphInput,
  metaGraph,
  type NodeInput,
  savedModel,
} from './graph-builder.ts';
import { type RecordingContext, recordingContext } from './recording-context.ts';

const noFolder: FolderFacts = { assets: new Set(), variables: undefined, kind: 'saved-model' };

export interface Judged {
  readonly findings: readonly Finding[];
  readonly context: RecordingContext;
  readonly programs: readonly Program[];
}

function judgeAll(programs: readonly Program[], context: RecordingContext, folder: FolderFacts): Judged {
  for (const program of programs) judgeProgram(program, openValues(program, context), context, folder);
  return { findings: context.findings, context, programs };
}

/** Judges a MetaGraph as the only one of a SavedModel. */
export function judgeModel(input: MetaGraphInput, folder: Partial<FolderFacts> = {}): Judged {
  const context = recordingContext();
  const programs = readSavedModelPrograms(savedModel({ metaGraphs: [input] }), 'saved_model.pb', context);
  return judgeAll(programs, context, { ...noFolder, ...folder });
}

/** Judges the bytes of a graph without anything around it. */
export function judgeGraph(nodes: readonly NodeInput[], functions: readonly FunctionInput[] = []): Judged {
  const context = recordingContext();
  const program = readGraphDefProgram(graphDef(nodes, { functions }), 'frozen.pb', context);
  return judgeAll([program], context, { ...noFolder, kind: 'graph-def' });
}

/** Judges a MetaGraph file. */
export function judgeMeta(input: MetaGraphInput): Judged {
  const context = recordingContext();
  const program = readMetaGraphProgram(metaGraph(input), 'model.meta', context);
  return judgeAll([program], context, { ...noFolder, kind: 'meta-graph' });
}

export const identity = (name: string, input: string, dtype = 'DT_STRING'): NodeInput => ({
  name,
  op: 'Identity',
  inputs: [input],
  attrs: { T: attrType(dtype) },
});

/** A call in the main graph. */
export function call(
  name: string,
  f: string,
  inputs: readonly string[],
  types: readonly string[],
  results: readonly string[],
): NodeInput {
  return {
    name,
    op: 'StatefulPartitionedCall',
    inputs,
    attrs: { f: attrFunc(f), Tin: attrTypes(types), Tout: attrTypes(results) },
  };
}

/** Types that a dataset makes. */
export const datasetAttrs = (types: readonly string[]) => ({ output_types: attrTypes(types), output_shapes: attrBool(false) });

/** A model whose only signature answers with `out`, which is `nodes`' output of that name. */
export function answering(nodes: readonly NodeInput[], more: Partial<MetaGraphInput> = {}): MetaGraphInput {
  return {
    nodes,
    signatures: { serving_default: { inputs: {}, outputs: { y: { name: 'out:0', dtype: 'DT_STRING' } } } },
    ...more,
  };
}

export function byRule(findings: readonly Finding[], ruleId: string): readonly Finding[] {
  return findings.filter((finding) => finding.ruleId === ruleId);
}

const bad: readonly Severity[] = ['medium', 'high', 'critical'];

/** Findings that would refuse a model at `medium`. */
export function refusing(findings: readonly Finding[]): readonly string[] {
  return findings
    .filter(({ severity }) => bad.includes(severity))
    .map(({ ruleId, severity, message }) => `${severity} ${ruleId}: ${message}`);
}
