// The object graph of a SavedModel of TensorFlow 2: which Python object holds which function, resource and asset. Python's loader goes by it, the C++
// loader ignores it.
import type { ObjectEntry } from './graph-types.ts';
import type { WireMessage } from './wire-message.ts';

export interface ObjectGraph {
  readonly entries: readonly ObjectEntry[];
  /** Concrete function to the objects that it captures, which become its last arguments. */
  readonly boundInputs: ReadonlyMap<string, readonly number[]>;
}

const kindFields = [
  [4, 'user_object'],
  [5, 'asset'],
  [6, 'function'],
  [7, 'variable'],
  [8, 'bare_concrete_function'],
  [9, 'constant'],
  [10, 'resource'],
  [12, 'captured_tensor'],
] as const;

type Entry = { -readonly [Key in keyof ObjectEntry]: ObjectEntry[Key] };

function readObject(id: number, message: WireMessage): Entry {
  const [number, kind] = kindFields.find(([field]) => message.has(field)) ?? [0, 'none'];
  const content = number === 0 ? undefined : message.message(number, 'an object');
  const registeredName = message.string(13);
  const saveables = message.map(11, 'saveable object');
  return {
    id,
    kind,
    path: '',
    children: message.messages(1, 'a child of an object').map((child) => ({ name: child.string(2), id: child.number(1) })),
    concreteFunctions: kind === 'function' || kind === 'bare_concrete_function' ? (content?.strings(1) ?? []) : [],
    saveableFunctions: [...saveables].map(([name, one]) => ({ name, save: one.number(2), restore: one.number(3) })),
    ...(kind === 'user_object' && content !== undefined ? { identifier: content.string(1), metadata: content.text(3) } : {}),
    ...(kind === 'asset' ? { assetIndex: content?.number(1) ?? 0 } : {}),
    ...(kind === 'constant' || kind === 'captured_tensor' ? { node: content?.string(1) ?? '' } : {}),
    ...(registeredName === '' ? {} : { registeredName }),
  };
}

const maxPathLength = 500;

/** Shortest ways from the root; an object that none leads to keeps an empty path, and so does the root. */
function findPaths(entries: readonly Entry[]): void {
  const seen = new Set([0]);
  for (let level = entries.length === 0 ? [] : [0]; level.length > 0; ) {
    const next: number[] = [];
    for (const id of level) {
      const { path, children } = entries[id];
      for (const child of children) {
        if (!(child.id in entries) || seen.has(child.id)) continue;
        seen.add(child.id);
        const name = child.name.slice(0, 200);
        // A chain of 100,000 objects must not make paths whose lengths add up to its square.
        entries[child.id].path = path === '' ? name : `${path.length > maxPathLength ? '…' : path}/${name}`;
        next.push(child.id);
      }
    }
    level = next;
  }
}

export function readObjectGraph(message: WireMessage): ObjectGraph {
  const entries = message.messages(1, 'an object').map((one, id) => readObject(id, one));
  findPaths(entries);
  const functions = message.map(2, 'concrete function');
  return { entries, boundInputs: new Map([...functions].map(([name, one]) => [name, one.numbers(2)])) };
}
