// Scans a TensorFlow.js model: model.json with a graph or with Keras layers, and the weights beside it. Graphs are judged like those of any other
// TensorFlow model, since a TensorFlow.js model can be converted back; it runs and fetches nothing.
import { isAirlockError } from '../../core/index.ts';
import { isJsonList, isJsonObject, type JsonObject, type JsonValue, readJson } from '../keras/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { memorySource } from '../source/index.ts';
import { ConstContents } from './const-contents.ts';
import { graphFromJson } from './graph-from-json.ts';
import { bytesOfJson, listOf, objectOf, stringOf } from './json-fields.ts';
import { judgeSignature } from './judge-signature.ts';
import { judgeManifest, type PlacedGroup, type Siblings, TfjsSayer } from './judge-weights-manifest.ts';
import { elementsOf, readManifest, type WeightGroup } from './weights-manifest.ts';

const maxModelJsonBytes = 256 * 1024 * 1024;
/** Weights of fewer bytes are shapes and biases. */
const leastWeightBytes = 64;

export interface TfjsWeights {
  readonly name: string;
  /** As TensorFlow names it in Python: `float32`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly source: Source;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly file: string;
}

export interface TfjsOptions {
  /** Judges an encoded GraphDef. */
  graph(graphDef: Buffer, file: string): void;
  /** Judges a Keras configuration. */
  keras(config: JsonValue, place: { readonly file: string; readonly pointer: string }): void;
  /** Judges the weights. */
  weights?(tensors: readonly TfjsWeights[]): Promise<void> | void;
}

interface Scan {
  readonly source: Source;
  readonly context: ScanContext;
  readonly options: TfjsOptions;
  readonly sayer: TfjsSayer;
}

function judgeGraph(
  { source, context, options, sayer }: Scan,
  topology: JsonObject,
  pointer: string,
  contents: ConstContents,
): void {
  try {
    const graphDef = graphFromJson(topology, {
      contentOf: (node) => contents.of(node),
      onMissing: (node) => {
        const message = `the constant "${node}" has a content neither in the graph nor in the manifest`;
        sayer.say('malformed/tfjs-weights', message, { pointer: `${pointer}/node`, node, op: 'Const' });
      },
    });
    options.graph(graphDef, source.name);
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
    context.unreadable(source.name, thrown.message);
  }
}

/** What a topology is by its fields. */
function kindsOf(topology: JsonObject): readonly ('graph' | 'layers')[] {
  const isGraph = isJsonList(topology.node) || isJsonObject(topology.library);
  const isLayers = ['model_config', 'modelConfig', 'class_name', 'className', 'config'].some(
    (key) => topology[key] !== undefined,
  );
  return [...(isGraph ? (['graph'] as const) : []), ...(isLayers ? (['layers'] as const) : [])];
}

function judgeTopology(scan: Scan, value: JsonValue, pointer: string, format: string, contents: ConstContents): void {
  const { sayer, context, source, options } = scan;
  if (!isJsonObject(value)) {
    context.unreadable(source.name, `${pointer} is no graph and no Keras model`);
    return;
  }
  const kinds = kindsOf(value);
  if (kinds.length === 0) context.unreadable(source.name, `${pointer} is no graph and no Keras model`);
  if (kinds.length === 2) {
    sayer.say(
      'parser-differential/tfjs-json',
      'the model is a graph and a Keras model at the same time; loaders choose by format',
      { pointer },
    );
  }
  const promised = { 'graph-model': 'graph', 'layers-model': 'layers' }[format];
  if (promised !== undefined && kinds.length === 1 && kinds[0] !== promised) {
    sayer.say(
      'parser-differential/tfjs-json',
      `the format says ${format}, and the model holds ${kinds[0] === 'graph' ? 'a graph' : 'layers'}`,
      { pointer },
    );
  }
  if (kinds.includes('graph')) judgeGraph(scan, value, pointer, contents);
  if (kinds.includes('layers')) options.keras(value, { file: source.name, pointer });
}

function readGroups(root: JsonValue, sayer: TfjsSayer): { groups: readonly WeightGroup[]; inline: Source | undefined } {
  // A list by itself is what converters before 1.0 wrote as weights_manifest.json.
  if (isJsonList(root)) return { groups: readManifest(root, ''), inline: undefined };
  const model = objectOf(root);
  const groups = readManifest(model.weightsManifest, '/weightsManifest');
  if (model.weightSpecs === undefined) return { groups, inline: undefined };
  const specs = readManifest([{ weights: model.weightSpecs }], '/weightSpecs');
  if (groups.length > 0) {
    const message = 'the model has a weightsManifest and weightSpecs: loaders read one of them';
    sayer.say('parser-differential/tfjs-json', message, { pointer: '/weightSpecs' });
    return { groups: [...groups, ...specs], inline: undefined };
  }
  return { groups: specs, inline: memorySource(`${sayer.file} (weightData)`, bytesOfJson(model.weightData)) };
}

function weightsOf(groups: readonly PlacedGroup[]): readonly TfjsWeights[] {
  return groups.flatMap(({ source, weights }) =>
    weights.flatMap(({ name, dtype, shape, quantization, offset, sizeBytes }) =>
      sizeBytes === undefined || sizeBytes < leastWeightBytes
        ? []
        : [
            {
              name,
              dtype: dtype === 'string' ? 'string' : (quantization?.dtype ?? dtype),
              shape,
              source,
              offset,
              sizeBytes,
              file: source.name,
            },
          ],
    ),
  );
}

/** The values of keys that come twice and lose: another reader may take them. */
function judgeShadowed(
  scan: Scan,
  shadowed: readonly { readonly pointer: string; readonly value: JsonValue }[],
  contents: ConstContents,
  siblings: Siblings,
): void {
  for (const { pointer, value } of shadowed) {
    const lost = typeof value === 'string' ? ` ("${value.slice(0, 200)}" or the other value)` : '';
    scan.sayer.say('parser-differential/tfjs-json', `the key ${pointer} comes twice: readers take the first or the last${lost}`, {
      pointer,
    });
    if (pointer === '/weightsManifest') judgeManifest(scan.sayer, readManifest(value, pointer), siblings);
    else if (isJsonObject(value) && kindsOf(value).length > 0) judgeTopology(scan, value, pointer, '', contents);
    else scan.options.keras(value, { file: scan.source.name, pointer });
  }
}

/**
 * Scans a TensorFlow.js model. Never throws for what the files say.
 * @param source model.json.
 * @param siblings the files of its folder, by which weights are found.
 */
export async function scanTfjs(source: Source, siblings: Siblings, context: ScanContext, options: TfjsOptions): Promise<void> {
  const sayer = new TfjsSayer(source.name, context);
  const scan: Scan = { source, context, options, sayer };
  let placed: readonly PlacedGroup[];
  try {
    if (source.sizeBytes > maxModelJsonBytes) {
      context.unreadable(source.name, `it has ${source.sizeBytes} bytes, and ${maxModelJsonBytes} of JSON are read`);
      return;
    }
    const { value: root, shadowed } = readJson(source.read(0, source.sizeBytes), { name: source.name, maxDepth: 200 });
    const model = objectOf(root);
    const { groups, inline } = readGroups(root, sayer);
    placed = judgeManifest(sayer, groups, siblings, inline);
    const placedNames = new Set(placed.flatMap((group) => group.weights.map((weight) => weight.name)));
    const all = groups.flatMap((group) => group.weights);
    const unplaced = all
      .filter((weight) => !placedNames.has(weight.name))
      .map((weight) => ({ ...weight, offset: 0, sizeBytes: undefined }));
    const contents = new ConstContents(placed, unplaced);
    const format = stringOf(model.format);
    if (model.modelTopology !== undefined && model.modelTopology !== null) {
      judgeTopology(scan, model.modelTopology, '/modelTopology', format, contents);
    } else if (!isJsonList(root)) {
      sayer.say('malformed/tfjs-model', 'the model has no modelTopology', {});
    }
    if (model.modelInitializer !== undefined && model.modelInitializer !== null) {
      judgeTopology(scan, model.modelInitializer, '/modelInitializer', 'graph-model', contents);
    }
    if (isJsonObject(model.trainingConfig)) {
      options.keras(model.trainingConfig, { file: source.name, pointer: '/trainingConfig' });
    }
    judgeSignature(sayer, model);
    judgeShadowed(scan, shadowed, contents, siblings);
    context.artifact({
      file: source.name,
      format: 'tfjs-model',
      bytes: source.sizeBytes,
      facts: {
        nodes: listOf(objectOf(model.modelTopology).node).length,
        weights: all.length,
        parameters: all.reduce((sum, weight) => sum + elementsOf(weight.shape), 0),
        ...(stringOf(model.generatedBy) === '' ? {} : { writer: stringOf(model.generatedBy).slice(0, 200) }),
      },
    });
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
    context.unreadable(source.name, thrown.message);
    context.artifact({ file: source.name, format: 'tfjs-model', bytes: source.sizeBytes, facts: {} });
    return;
  }
  await options.weights?.(weightsOf(placed));
}
