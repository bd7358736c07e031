// Whether the signature of a TensorFlow.js graph model names nodes that are there and inputs that are meant to be fed. It runs nothing.
import { isJsonObject, type JsonObject, type JsonValue } from '../keras/index.ts';
import { listOf, objectOf, stringOf } from './json-fields.ts';
import type { TfjsSayer } from './judge-weights-manifest.ts';

const inputOps = new Set(['Placeholder', 'PlaceholderWithDefault', 'PlaceholderV2', '_Arg']);

function nodeOfTensor(name: string): string {
  return name.replace(/^\^/, '').replace(/:\d+$/, '');
}

/** Judges `signature`, or what older converters put into `userDefinedMetadata.signature`. */
export function judgeSignature(sayer: TfjsSayer, model: JsonObject): void {
  const nodes = listOf(objectOf(model.modelTopology).node);
  if (nodes.length === 0) return;
  const opOf = new Map<string, string>(nodes.map((node) => [stringOf(objectOf(node).name), stringOf(objectOf(node).op)]));
  const places: readonly (readonly [pointer: string, value: JsonValue | undefined])[] = [
    ['/signature', model.signature],
    ['/userDefinedMetadata/signature', objectOf(model.userDefinedMetadata).signature],
  ];
  for (const [pointer, signature] of places) {
    if (!isJsonObject(signature)) continue;
    for (const role of ['inputs', 'outputs'] as const) {
      for (const [alias, entry] of Object.entries(objectOf(signature[role]))) {
        const tensor = stringOf(objectOf(entry).name);
        const node = nodeOfTensor(tensor);
        const place = { pointer: `${pointer}/${role}/${alias.replaceAll('~', '~0').replaceAll('/', '~1')}`, node };
        const argument = { name: alias, value: tensor };
        const op = opOf.get(node);
        if (tensor === '') continue;
        if (op === undefined) {
          const message = `${role.slice(0, -1)} "${alias}" of the signature is the tensor ${tensor}, which the graph does not have`;
          sayer.say('contract/tfjs-signature', message, place, { argument });
        } else if (role === 'inputs' && !inputOps.has(op)) {
          const message = `input "${alias}" of the signature feeds the ${op} node "${node}", which is no input of the graph: a caller overwrites it`;
          sayer.say('contract/tfjs-signature', message, { ...place, op }, { argument });
        }
      }
    }
  }
}
