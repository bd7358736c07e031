// The object graph of a checkpoint (trackable_object_graph.proto): which Python objects were saved, which of their values lie
// under which key, and which functions of the loading process are called to restore them. Cycles are ordinary; a number that
// names no node is not.
import { isAirlockError } from '../../core/index.ts';
import type { Speaker } from './say.ts';
import { wireFields } from './wire.ts';

const maxNodes = 1_000_000;
/** TensorFlow's own registered savers (`registration.register_tf_checkpoint_saver`) have names with this beginning. */
const ownSaver = /^tf\./;

interface Node {
  readonly references: readonly number[];
  readonly keys: readonly string[];
  readonly saver: string | undefined;
}

/** An int32 as it is meant, or what cannot be a node. */
function nodeId(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

function readNode(bytes: Buffer, file: string): Node {
  const references: number[] = [];
  const keys: string[] = [];
  let saver: string | undefined;
  for (const field of wireFields(bytes, file)) {
    if (field.number === 1) {
      let child = 0;
      for (const part of wireFields(field.bytes, file)) if (part.number === 1) child = nodeId(part.value);
      references.push(child);
    } else if (field.number === 2) {
      for (const part of wireFields(field.bytes, file)) if (part.number === 3) keys.push(part.bytes.toString('utf8'));
    } else if (field.number === 3) {
      let variable = 0;
      let slot = 0;
      for (const part of wireFields(field.bytes, file)) {
        if (part.number === 1) variable = nodeId(part.value);
        else if (part.number === 3) slot = nodeId(part.value);
      }
      references.push(variable, slot);
    } else if (field.number === 4) {
      for (const part of wireFields(field.bytes, file)) if (part.number === 1) saver = part.bytes.toString('utf8');
    }
  }
  return { references, keys, saver };
}

/**
 * Is a key of the graph in the index? Some values are stored in parts, under keys that begin with it: tables under `key-keys` and
 * `key-values`, the state of iterators under `ITERATOR_STATE`. `stored` is sorted.
 */
function isStored(key: string, stored: readonly string[]): boolean {
  let low = 0;
  let high = stored.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (stored[middle] < key) low = middle + 1;
    else high = middle;
  }
  return stored[low]?.startsWith(key) === true;
}

function judgeNode(node: Node, index: number, count: number, stored: readonly string[], speaker: Speaker): void {
  const wrong = node.references.find((reference) => reference < 0 || reference >= count);
  if (wrong !== undefined) {
    const message = `Object ${index} in the object graph of the checkpoint refers to object ${wrong} of ${count}: restoring it fails`;
    speaker.say({ ruleId: 'malformed/object-graph', trigger: 'load-python', message });
  }
  for (const key of node.keys) {
    if (key !== '' && !isStored(key, stored)) {
      const message = `Object ${index} in the object graph of the checkpoint has its value under "${key}", which is not in the index`;
      speaker.say({ ruleId: 'malformed/object-graph', severity: 'low', trigger: 'load-python', path: key, message });
    }
    if (!key.endsWith('/.ATTRIBUTES/py_state')) continue;
    const message = `"${key}" of the checkpoint is the state of a Python object, which restores itself from it`;
    speaker.say({ ruleId: 'code-execution/python-state', trigger: 'load-python', path: key, message });
  }
  if (node.saver === undefined || ownSaver.test(node.saver)) return;
  const message = `Object ${index} of the checkpoint is restored by the Python function that is registered as "${node.saver}"`;
  const argument = { name: 'registered_saver.name', value: node.saver };
  speaker.say({ ruleId: 'code-execution/registered-saver', trigger: 'load-python', message, argument });
}

/**
 * Judges the object graph of the checkpoint `file`, whose index has the keys `stored`. What is no such message is a finding,
 * never an error.
 */
export function judgeObjectGraph(bytes: Buffer, stored: ReadonlySet<string>, file: string, speaker: Speaker): void {
  try {
    let count = 0;
    for (const field of wireFields(bytes, file)) if (field.number === 1) count++;
    if (count > maxNodes) {
      speaker.say({ ruleId: 'malformed/object-graph', trigger: 'load-python', message: `The checkpoint has ${count} objects` });
      return;
    }
    const sorted = [...stored].sort();
    let index = 0;
    for (const field of wireFields(bytes, file)) {
      if (field.number === 1) judgeNode(readNode(field.bytes, file), index++, count, sorted, speaker);
    }
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
    const message = 'The object graph of the checkpoint is not valid protobuf: restoring by object fails';
    speaker.say({ ruleId: 'malformed/object-graph', trigger: 'load-python', message });
  }
}
