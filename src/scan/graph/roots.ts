// Where running a model begins, and what makes it begin: the loaders, a request, a call from Python, the saver. From TensorFlow 2.21's loader.cc,
// loader_util.cc, python/saved_model/load.py and load_v1_in_v2.py.
import type { Trigger } from '../scan-types.ts';
import type { GraphBody } from './graph-body.ts';
import type { ObjectEntry, Program, Root } from './graph-types.ts';
import type { MetaGraphParts } from './meta-graph.ts';
import { Notes } from './notes.ts';
import { RootFinder, type RootSource } from './root-finder.ts';
import { WireMessage } from './wire-message.ts';

export const initOpSignature = '__saved_model_init_op';
const trainOpSignature = '__saved_model_train_op';
const ownSignature = '__saved_model_';
const initCollections = ['saved_model_main_op', 'legacy_init_op'] as const;
/** Collections of asset tensors and of protocol buffers, which are no nodes to run. */
const passiveCollections: ReadonlySet<string> = new Set(['asset_filepaths', 'saved_model_assets', ...initCollections]);
const tableInitializers = 'table_initializer';
const localVariables = 'local_variables';
const maxBytesDecoded = 100_000;

const resourceFunctions: ReadonlyMap<string, string> = new Map([
  ['_create_resource', 'creator'],
  ['_initialize', 'initializer'],
  ['_destroy_resource', 'destroyer'],
]);

const texts = (values: readonly Buffer[] | undefined): readonly string[] => (values ?? []).map((value) => value.toString('utf8'));

/** Strings in fields of the messages of a collection: VariableDef and QueueRunnerDef name operations. What does not decode names none. */
function namesInMessages(values: readonly Buffer[] | undefined, fields: readonly number[]): readonly string[] {
  const names: string[] = [];
  for (const bytes of (values ?? []).slice(0, maxBytesDecoded)) {
    try {
      const message = new WireMessage(bytes, 'a collection', [{ start: 0, end: bytes.length }], new Notes(), 'a message');
      for (const field of fields) for (const name of message.buffers(field)) names.push(name.toString('utf8'));
    } catch {
      // A collection may hold anything.
    }
  }
  return names;
}

function addLoadRoots(finder: RootFinder, parts: MetaGraphParts, { kind, metaGraphCount }: RootSource): void {
  const { saver, signatures, collections } = parts;
  const isPythonAlike = parts.objects === undefined || metaGraphCount > 1;
  const atLoad: Trigger = kind === 'meta-graph' ? 'api' : isPythonAlike ? 'load' : 'load-cpp';
  if (saver !== undefined) {
    const trigger = kind === 'meta-graph' ? 'saver' : atLoad;
    finder.addNodes(trigger, `restore op ${saver.restoreOp}`, [saver.restoreOp]);
    finder.addNodes('saver', `save tensor ${saver.saveTensor}`, [saver.saveTensor]);
  }
  // The first of the three that is there; older TensorFlow knows only the others, so they stay roots that a person may run.
  const initSignature = signatures.find(({ name }) => name === initOpSignature);
  let isTaken = initSignature !== undefined;
  if (initSignature !== undefined) {
    const names = initSignature.outputs.map(({ name }) => name);
    finder.addNodes(atLoad, `init op ${names.join(', ')}`, names);
  }
  for (const collection of initCollections) {
    const names = texts(collections.get(collection));
    if (names.length === 0) continue;
    // Writers since 2.0 name the same operation in both places.
    if (isTaken && names.every((name) => finder.isRoot(name))) continue;
    finder.addNodes(isTaken ? 'api' : atLoad, `init op ${names.join(', ')} (${collection})`, names);
    isTaken = true;
  }
  // Without an init op, Python runs the initialisers of tables and local variables when it loads a graph of TensorFlow 1.
  const isDefault = kind === 'saved-model' && isPythonAlike && !isTaken;
  finder.addNodes(
    isDefault ? 'load-python' : 'api',
    `collection ${tableInitializers}`,
    texts(collections.get(tableInitializers)),
  );
  const localInitializers = namesInMessages(collections.get(localVariables), [2]);
  finder.addNodes(isDefault ? 'load-python' : 'api', `collection ${localVariables}`, localInitializers);
}

function addCollectionRoots(finder: RootFinder, { collections, signatures }: MetaGraphParts, kind: Program['kind']): void {
  for (const { name, outputs } of signatures) {
    if (!name.startsWith(ownSignature) || name === initOpSignature) continue;
    const label = name === trainOpSignature ? 'train op' : `signature ${name}`;
    finder.addNodes(
      'api',
      label,
      outputs.map((output) => output.name),
    );
  }
  for (const [name, values] of collections) {
    if (passiveCollections.has(name) || name === tableInitializers) continue;
    if (name === 'queue_runners') finder.addNodes('api', `collection ${name}`, namesInMessages(values, [2, 3, 4]));
    else finder.addNodes('api', `collection ${name}`, texts(values.filter(({ length }) => length < 10_000)));
    if (kind === 'meta-graph' && name.endsWith('variables')) {
      finder.addNodes('api', `initializers of collection ${name}`, namesInMessages(values, [2]));
    }
  }
}

/** Python's loader makes resources and initialises them, and restores what has functions for it. */
function addObjectRoots(finder: RootFinder, entries: readonly ObjectEntry[]): ReadonlySet<string> {
  const taken = new Set<string>();
  const functionsOf = (id: number): readonly string[] => entries[id]?.concreteFunctions ?? [];
  const add = (trigger: Trigger, label: string, names: readonly string[]): void => {
    finder.addFunctions(trigger, label, names);
    for (const name of names) taken.add(name);
  };
  for (const { path, id, children, saveableFunctions } of entries) {
    const name = path === '' ? `object ${id}` : path;
    for (const child of children) {
      const role = resourceFunctions.get(child.name);
      if (role !== undefined) add('load-python', `${role} of ${name}`, functionsOf(child.id));
      else if (path === 'signatures') add('inference', `signature ${child.name}`, functionsOf(child.id));
    }
    for (const saveable of saveableFunctions) {
      add('saver', `save of ${name}`, functionsOf(saveable.save));
      add('saver', `restore of ${name}`, functionsOf(saveable.restore));
      add('load-python', `restore of ${name}`, functionsOf(saveable.restore));
    }
  }
  return taken;
}

/**
 * @param isReached Whether the roots given to it reach the function already: what a signature calls is no root of its own.
 */
export function findRoots(source: RootSource, isReached: (roots: readonly Root[], body: GraphBody) => boolean): readonly Root[] {
  const { kind, parts, functions } = source;
  const finder = new RootFinder(source);
  if (parts === undefined) {
    finder.addSinks('inference');
    return finder.roots;
  }
  addLoadRoots(finder, parts, source);
  const offered = parts.signatures.filter(({ name }) => !name.startsWith(ownSignature));
  for (const { name, outputs } of offered) {
    finder.addNodes(
      'inference',
      `signature ${name}`,
      outputs.map((output) => output.name),
    );
  }
  addCollectionRoots(finder, parts, kind);
  const entries = parts.objects?.entries ?? [];
  const taken = addObjectRoots(finder, entries);
  if (offered.length === 0 && kind === 'meta-graph') finder.addSinks('inference');
  else if (offered.length === 0 && entries.length === 0) finder.addSinks('api');
  const others = new Set<string>();
  for (const { concreteFunctions } of entries) for (const name of concreteFunctions) if (!taken.has(name)) others.add(name);
  for (const name of parts.objects?.boundInputs.keys() ?? []) if (!taken.has(name)) others.add(name);
  const known = [...finder.roots];
  for (const name of others) {
    const body = functions.get(name);
    if (body !== undefined && !isReached(known, body)) finder.addFunctions('api', `function ${name}`, [name]);
  }
  return finder.roots;
}

/** Of a graph in a string: what DatasetFromGraph fetches is what _Retval nodes take; without one, whatever nothing consumes. */
export function findNestedRoots(main: GraphBody, triggers: readonly Trigger[]): readonly Root[] {
  const returns: number[] = [];
  const sinks: number[] = [];
  for (let node = 0; node < main.nodeCount; node++) {
    if (main.op(node) === '_Retval') returns.push(node);
    else if (!main.isConsumed(node)) sinks.push(node);
  }
  const nodes = returns.length > 0 ? returns : sinks;
  return triggers.map((trigger) => ({ trigger, label: 'graph in a string', body: main, nodes }));
}
