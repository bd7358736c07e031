// Judges the manifest of a TensorFlow.js model: where its weights come from, and whether they are what it says. It opens nothing that is not
// a plain name beside model.json.
import type { Severity } from '../../core/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import type { Argument } from '../scan-types.ts';
import { tfjsRules } from './rules.ts';
import {
  elementBytes,
  elementsOf,
  joinSources,
  type PlacedWeight,
  placeWeights,
  type WeightEntry,
  type WeightGroup,
} from './weights-manifest.ts';

export interface Siblings {
  /** Files beside and below, `/` between folders. */
  readonly names: readonly string[];
  open(name: string): Source | undefined;
}

export interface PlacedGroup {
  readonly source: Source;
  readonly weights: readonly PlacedWeight[];
}

const severityOf = new Map(tfjsRules.map((rule) => [rule.id, rule.severity]));
const quantizedTypes = new Set(['uint8', 'uint16', 'float16']);
const weightTypes = new Set(['float32', 'int32', 'bool', 'string', 'complex64', 'float16', 'uint8', 'uint16', 'int8', 'int16']);

export interface TfjsPlace {
  readonly pointer?: string;
  readonly node?: string;
  readonly op?: string;
}

export class TfjsSayer {
  readonly file: string;
  readonly context: ScanContext;

  constructor(file: string, context: ScanContext) {
    this.file = file;
    this.context = context;
  }

  say(ruleId: string, message: string, place: TfjsPlace, options: { severity?: Severity; argument?: Argument } = {}): void {
    const { pointer, node, op } = place;
    this.context.report({
      ruleId,
      severity: options.severity ?? severityOf.get(ruleId) ?? 'medium',
      trigger: 'load',
      message,
      location: {
        file: this.file,
        ...(pointer === undefined ? {} : { path: pointer }),
        ...(node === undefined ? {} : { node }),
        ...(op === undefined ? {} : { op }),
      },
      chain: [],
      ...(options.argument === undefined ? {} : { argument: options.argument }),
    });
  }
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Control characters, and slashes of a URL that a loader takes apart. */
const schemePattern = /^\s*([a-z][a-z0-9+.-]+):/i;

/** What is wrong with a path of the manifest; undefined for a plain relative one. */
function pathProblem(
  path: string,
): { readonly ruleId: string; readonly what: string; readonly origin: 'remote' | 'constant-outside' } | undefined {
  const scheme = schemePattern.exec(path)?.[1];
  if (scheme !== undefined && scheme.toLowerCase() !== 'file') {
    return { ruleId: 'network/tfjs-weights', what: `are fetched by ${scheme.toLowerCase()} from there`, origin: 'remote' };
  }
  if (/^[/\\]{2}[^/\\]/.test(path))
    return { ruleId: 'network/tfjs-weights', what: 'are fetched from another host', origin: 'remote' };
  for (const form of [path, decoded(path), decoded(decoded(path))]) {
    const outside = { ruleId: 'path-traversal/tfjs-weights', origin: 'constant-outside' } as const;
    if (scheme !== undefined || /^[/\\~]/.test(form) || /^[a-z]:/i.test(form))
      return { ...outside, what: 'are read from an absolute path' };
    if (form.split(/[/\\]/).includes('..')) return { ...outside, what: 'are read from outside of the folder of the model' };
    if (form.includes('\\') || form.includes('\0'))
      return { ...outside, what: 'are read from a path that systems read differently' };
  }
  return undefined;
}

function openShards(sayer: TfjsSayer, group: WeightGroup, siblings: Siblings): Source | undefined {
  const parts: Source[] = [];
  let isComplete = true;
  const seen = new Set<string>();
  const beside = new Set(siblings.names);
  for (const [index, path] of group.paths.entries()) {
    const place = { pointer: `${group.pointer}/paths/${index}` };
    const problem = pathProblem(path);
    if (problem !== undefined) {
      const argument = { name: 'paths', value: path, origin: problem.origin };
      sayer.say(problem.ruleId, `weights ${problem.what}: ${path}`, place, { argument });
      isComplete = false;
      continue;
    }
    if (seen.has(path)) sayer.say('malformed/tfjs-weights', `the weight file ${path} is named twice in one group`, place);
    seen.add(path);
    const name = beside.has(path) ? path : path.replace(/^\.\//, '').replace(/[?#].*$/, '');
    const part = name === '' ? undefined : siblings.open(name);
    if (part === undefined && beside.size === 0) {
      // Only model.json was given: whether the file lies beside it cannot be said.
      sayer.context.unreadable(sayer.file, `its weight file ${path} was not given with it`);
      isComplete = false;
    } else if (part === undefined) {
      const shown = path === '' ? 'without a name' : path;
      sayer.say('malformed/tfjs-missing-weights', `the weight file ${shown} is not there`, place, {
        argument: { name: 'paths', value: path },
      });
      isComplete = false;
    } else parts.push(part);
  }
  return isComplete && parts.length > 0 ? joinSources(parts[0].name, parts) : undefined;
}

function judgeEntry(sayer: TfjsSayer, weight: WeightEntry, names: Set<string>): void {
  const text = `weight "${weight.name}"`;
  const place = { pointer: weight.pointer };
  const argument = { name: 'shape', value: `[${weight.shape.slice(0, 16).join(',')}]` };
  if (weight.name === '') sayer.say('malformed/tfjs-weights', 'a weight has no name', place);
  else if (names.has(weight.name)) {
    sayer.say('malformed/tfjs-weights', `${text} is declared twice: which one counts depends on the reader`, place);
  }
  names.add(weight.name);
  if (!weightTypes.has(weight.dtype)) {
    sayer.say('malformed/tfjs-weights', `${text} has the data type ${weight.dtype}, which TensorFlow.js does not know`, place);
  }
  const quantized = weight.quantization;
  if (quantized !== undefined) {
    const isAffine = quantized.dtype !== 'float16';
    if (!quantizedTypes.has(quantized.dtype)) {
      sayer.say('malformed/tfjs-weights', `${text} is quantized to ${quantized.dtype}, which TensorFlow.js does not know`, place);
    } else if (isAffine && !(Number.isFinite(quantized.scale) && Number.isFinite(quantized.min))) {
      sayer.say('malformed/tfjs-weights', `${text} is quantized with scale ${quantized.scale} and min ${quantized.min}`, place);
    }
  }
  if (weight.shape.some((size) => !Number.isInteger(size) || size < 0)) {
    sayer.say('malformed/tfjs-weights', `${text} has the shape ${argument.value} with a size that is none`, place, { argument });
    return;
  }
  const bytes = elementsOf(weight.shape) * (elementBytes[weight.dtype] ?? 4);
  if (bytes > sayer.context.limits.memoryBudgetBytes) {
    const message = `${text} has the shape ${argument.value} of ${weight.dtype}, which takes ${bytes} bytes when the model is loaded`;
    sayer.say('memory/tfjs-weights', message, place, { argument });
  }
}

/** Judges all groups and lays weights over the shards that are there. */
export function judgeManifest(
  sayer: TfjsSayer,
  groups: readonly WeightGroup[],
  siblings: Siblings,
  inline?: Source,
): readonly PlacedGroup[] {
  const names = new Set<string>();
  const placedGroups: PlacedGroup[] = [];
  for (const group of groups) {
    for (const weight of group.weights) judgeEntry(sayer, weight, names);
    if (group.paths.length === 0 && group.weights.length > 0 && inline === undefined) {
      sayer.say('malformed/tfjs-missing-weights', `a group of ${group.weights.length} weights names no file`, {
        pointer: group.pointer,
      });
    }
    const source = inline ?? openShards(sayer, group, siblings);
    if (source === undefined) continue;
    const weights = placeWeights(group, source);
    placedGroups.push({ source, weights });
    const lost = weights.find((weight) => weight.sizeBytes === undefined);
    if (lost !== undefined) {
      const message = `weight "${lost.name}" [${lost.shape.slice(0, 16).join(',')}] of ${lost.quantization?.dtype ?? lost.dtype} begins at byte ${lost.offset} of ${source.sizeBytes} of its files and does not end in them: a loader reads beyond their end`;
      sayer.say('malformed/tfjs-weights', message, { pointer: lost.pointer });
      continue;
    }
    const used = weights.reduce((sum, weight) => sum + (weight.sizeBytes ?? 0), 0);
    if (used === source.sizeBytes) continue;
    const message = `the files of a group have ${source.sizeBytes} bytes and its weights ${used}: ${source.sizeBytes - used} bytes belong to no weight`;
    sayer.say('malformed/tfjs-weights', message, { pointer: group.pointer });
  }
  return placedGroups;
}
