// Scans one TFLite model: verifies its flatbuffer, then judges what the model says. It executes nothing, and says of everything that it could
// not read that it could not.
import { isAirlockError } from '../../core/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { readCallGraph } from './call-graph.ts';
import { judgeContents, type TfliteWeights, weightsOf } from './judge-contents.ts';
import { judgeCustomOps } from './judge-custom-ops.ts';
import { judgeDataFlow } from './judge-data-flow.ts';
import { isCustom, judgeIndexes } from './judge-indexes.ts';
import { judgeParameters } from './judge-parameters.ts';
import { judgeSizes } from './judge-sizes.ts';
import { judgeSubgraphs } from './judge-subgraphs.ts';
import { judgeTensors } from './judge-tensors.ts';
import { PagedBytes } from './paged-bytes.ts';
import { type Judging, Sayer } from './say.ts';
import { waysToSubgraphs } from './subgraph-calls.ts';
import { from, TensorValues } from './tensor-values.ts';
import { readTfliteModel, type TfliteModel } from './tflite-model.ts';
import { verifyFlatbuffer } from './verify-flatbuffer.ts';

/** Real models have some hundred. */
const maxSubgraphs = 20_000;
/** The flatbuffer ends within this; only buffers with offsets of their own lie behind it. */
const identifier = 'TFL3';

export interface TfliteOptions {
  /** Judges the TensorFlow operations of a model with select TensorFlow operations: is given an encoded GraphDef. */
  graph(graphDef: Buffer, file: string): void;
  /** Judges the constants. */
  weights?(tensors: Iterable<TfliteWeights>): Promise<void> | void;
}

/** Says which built-in operations the model has, for what is known to be wrong with them. */
function noteUses({ model, context, sayer }: Judging, values: TensorValues): void {
  context.use({ kind: 'component', name: 'tflite', trigger: 'load', location: { file: sayer.file } });
  const uses = new Map<string, { path: string; isReached: boolean; isRequest: boolean }>();
  for (const subgraph of model.subgraphs) {
    const isReached = sayer.isReached(subgraph);
    for (const operator of subgraph.operators) {
      const name = operator.code?.builtin;
      if (name === undefined || isCustom(operator)) continue;
      const path = `subgraphs[${subgraph.index}].operators[${operator.index}]`;
      const use = uses.get(name) ?? { path, isReached, isRequest: false };
      uses.set(name, use);
      if (isReached && !use.isReached) Object.assign(use, { path, isReached });
      for (const index of operator.inputs) {
        if ((values.of(subgraph, index).origins & from.request) !== 0) use.isRequest = true;
      }
    }
  }
  for (const [name, { path, isReached, isRequest }] of uses) {
    const location = { file: sayer.file, op: name, path };
    const trigger = isReached ? 'inference' : 'none';
    context.use({ kind: 'tflite-op', name, trigger, location, isRequestControlled: isRequest });
  }
}

function noteArtifact(model: TfliteModel, source: Source, context: ScanContext): void {
  const operators = model.subgraphs.reduce((sum, subgraph) => sum + subgraph.operators.length, 0);
  context.artifact({
    file: source.name,
    format: 'tflite',
    bytes: source.sizeBytes,
    facts: {
      subgraphs: model.subgraphs.length,
      operators,
      tensors: model.subgraphs.reduce((sum, subgraph) => sum + subgraph.tensors.length, 0),
      signatures: model.signatures.length,
      ...(model.description === '' ? {} : { writer: model.description.slice(0, 200) }),
    },
  });
}

function sayMalformed(source: Source, context: ScanContext, reason: string): void {
  const sayer = new Sayer(source.name, context, new Map());
  const message = `the flatbuffer cannot be followed: ${reason}; an interpreter that does not verify it reads memory that is not the file`;
  sayer.say('malformed/flatbuffer', message, { trigger: 'load' });
  context.unreadable(source.name, reason);
}

/**
 * Scans a TFLite model. Never throws for what the file says: a flatbuffer that does not verify is a finding, and the model unreadable.
 * @param options.graph is mandatory, since a model whose TensorFlow operations nobody judged must not look clean.
 */
export async function scanTflite(source: Source, context: ScanContext, options: TfliteOptions): Promise<void> {
  const bytes = new PagedBytes(source);
  let model: TfliteModel;
  let endOffset: number;
  let misaligned: string | undefined;
  try {
    const verified = verifyFlatbuffer(bytes);
    ({ endOffset, misaligned } = verified);
    model = readTfliteModel(bytes, verified.rootOffset);
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
    sayMalformed(source, context, thrown.message);
    context.artifact({ file: source.name, format: 'tflite', bytes: source.sizeBytes, facts: {} });
    return;
  }
  noteArtifact(model, source, context);
  const sayer = new Sayer(source.name, context, waysToSubgraphs(model));
  const judging: Judging = { model, sayer, context };
  const written = bytes.bytes(4, 4).toString('latin1');
  if (written !== identifier || model.version !== 3) {
    const message = `the file says identifier "${written}" and schema version ${model.version} where TFL3 and 3 are expected`;
    sayer.say('malformed/tflite-identifier', message);
  }
  if (misaligned !== undefined) sayer.say('malformed/flatbuffer-alignment', `${misaligned} is not aligned`);
  if (model.subgraphs.length > maxSubgraphs) {
    context.unreadable(source.name, `it has ${model.subgraphs.length} subgraphs, and ${maxSubgraphs} are read`);
    return;
  }
  judgeIndexes(judging);
  judgeTensors(judging);
  judgeDataFlow(judging);
  const graph = readCallGraph(model);
  const roots = new Set([0, ...model.signatures.map((signature) => signature.subgraph)]);
  const callersFirst = [...graph.calleesFirst].reverse();
  const values = new TensorValues(model, roots, callersFirst);
  if (values.isIncomplete)
    context.unreadable(source.name, 'its subgraphs run each other in too many ways to follow their values');
  judgeSubgraphs(judging, values, graph);
  judgeParameters(judging, values);
  judgeSizes(judging, values);
  judgeCustomOps(judging, values, (graphDef) => options.graph(graphDef, source.name));
  noteUses(judging, values);
  judgeContents(judging, endOffset);
  await options.weights?.(weightsOf(model, source));
}
