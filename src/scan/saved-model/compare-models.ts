// Do two encodings hold the same SavedModel? Maps have no order, so their entries are sorted first.

import { type DescMessage, type Message, toBinary } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { isAirlockError } from '../../core/index.ts';
import { decodeMessage } from '../../model/index.ts';
import { SavedModelSchema } from './gen/scan/text_model_pb.ts';

/** Larger ones are taken to differ: comparing would need both in memory as objects. */
const maxBytes = 16 * 1024 ** 2;
const limits = { maxMessages: 2_000_000, maxElements: 20_000_000, maxDepth: 100, keepUnknown: false };

function keyOf(entry: ReflectMessage): string {
  const key = entry.fields.find(({ number }) => number === 1);
  return key === undefined ? '' : String(entry.get(key));
}

function sortMaps(schema: DescMessage, root: Message): void {
  const pending = [reflect(schema, root)];
  for (let message = pending.pop(); message !== undefined; message = pending.pop()) {
    for (const field of message.fields) {
      if (field.message === undefined || !message.isSet(field)) continue;
      if (field.fieldKind === 'message') pending.push(message.get(field));
      if (field.fieldKind !== 'list' || field.listKind !== 'message') continue;
      const list = message.get(field);
      const items: ReflectMessage[] = [...list] as ReflectMessage[];
      if (field.message.name.endsWith('Entry')) {
        items.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
        list.clear();
        for (const item of items) list.add(item);
      }
      pending.push(...items);
    }
  }
}

function canonical(bytes: Buffer): Buffer {
  const model = decodeMessage(SavedModelSchema, bytes, 'the model', limits);
  sortMaps(SavedModelSchema, model);
  return Buffer.from(toBinary(SavedModelSchema, model));
}

/** True when both surely hold the same model. */
export function isSameModel(first: Buffer, second: Buffer): boolean {
  if (first.equals(second)) return true;
  if (first.length > maxBytes || second.length > maxBytes) return false;
  try {
    return canonical(first).equals(canonical(second));
  } catch (thrown) {
    if (isAirlockError(thrown)) return false;
    throw thrown;
  }
}
