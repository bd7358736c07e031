// A reader of protobuf's text format for untrusted files, driven by the generated descriptors. The library's own reader recurses,
// refuses fields that it does not know, and has no bound on what it builds; a saved_model.pbtxt is mostly a graph that we do not
// declare. Unknown fields are passed over by their brackets; the nesting is kept on a list of our own, never on the call stack.
import { create, type DescField, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { isAirlockError } from '../core/index.ts';
import { readTextScalar } from './text-scalar.ts';
import { TextTokens } from './text-tokens.ts';

export interface TextFormatLimits {
  readonly maxDepth: number;
  /** Messages and values that are kept. */
  readonly maxValues: number;
  /** Refuses fields that the schema does not declare, and messages written out inside an Any, instead of passing over them. Default false. */
  readonly refusesUnknown?: boolean;
}

/** Graphs nest about 15 deep. */
export const defaultTextFormatLimits: TextFormatLimits = { maxDepth: 100, maxValues: 500_000 };

interface MessageFrame {
  readonly kind: 'message';
  /** -1 for the end of the file. */
  readonly close: number;
  /** Undefined inside a field that is passed over. */
  readonly target: ReflectMessage | undefined;
  /** Names of the fields that may not come again. */
  readonly seen: Set<string>;
}

interface ListFrame {
  readonly kind: 'list';
  readonly field: DescField | undefined;
  readonly owner: ReflectMessage | undefined;
  isEmpty: boolean;
}

// Shared by all messages that are passed over: no field of theirs is known, so none is ever added.
const noFields: Set<string> = new Set();

const byte = {
  colon: 0x3a,
  comma: 0x2c,
  semicolon: 0x3b,
  openBracket: 0x5b,
  closeBracket: 0x5d,
  openBrace: 0x7b,
  closeBrace: 0x7d,
  less: 0x3c,
  greater: 0x3e,
} as const;

class TextFormatReader {
  readonly #tokens: TextTokens;
  readonly #limits: TextFormatLimits;
  readonly #frames: (MessageFrame | ListFrame)[] = [];
  #values = 0;

  constructor(tokens: TextTokens, limits: TextFormatLimits) {
    this.#tokens = tokens;
    this.#limits = limits;
  }

  read(root: ReflectMessage): void {
    this.#frames.push({ kind: 'message', close: -1, target: root, seen: new Set() });
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
      if (frame.kind === 'list') this.#listStep(frame);
      else this.#messageStep(frame);
    }
  }

  #messageStep(frame: MessageFrame): void {
    if (this.#tokens.peek() === frame.close) {
      if (frame.close !== -1) this.#tokens.take(frame.close);
      this.#frames.pop();
      this.#afterValue();
      return;
    }
    const field = this.#fieldOf(frame);
    const hasColon = this.#tokens.take(byte.colon);
    const isMessage = field?.message !== undefined;
    if (this.#tokens.peek() === byte.openBracket && (hasColon || isMessage)) {
      if (field !== undefined && field.fieldKind !== 'list') throw this.#tokens.error('a list for a field that takes one value');
      this.#tokens.take(byte.openBracket);
      this.#push({ kind: 'list', field, owner: field === undefined ? undefined : frame.target, isEmpty: true });
    } else {
      if (!hasColon && !this.#atMessage()) throw this.#tokens.error('expected ":"');
      this.#value(field, field === undefined ? undefined : frame.target);
    }
  }

  #fieldOf(frame: MessageFrame): DescField | undefined {
    if (this.#tokens.take(byte.openBracket)) {
      if (this.#limits.refusesUnknown === true)
        throw this.#tokens.error('an extension or a message inside an Any is not supported');
      this.#tokens.skipBracketedName();
      return undefined;
    }
    const name = this.#tokens.fieldName();
    const field = frame.target?.desc.fields.find((candidate) => candidate.name === name);
    if (field === undefined && this.#limits.refusesUnknown === true) throw this.#tokens.error(`there is no field ${name}`);
    if (field !== undefined && field.fieldKind !== 'list') {
      // The C++ reader refuses this too. A second member of a oneof would replace the first.
      const slot = field.oneof?.name ?? field.name;
      if (frame.seen.has(slot)) throw this.#tokens.error('a field that takes one value is there twice');
      frame.seen.add(slot);
    }
    return field;
  }

  #listStep(frame: ListFrame): void {
    if (this.#tokens.take(byte.closeBracket)) {
      this.#frames.pop();
      this.#afterValue();
      return;
    }
    if (!frame.isEmpty && !this.#tokens.take(byte.comma)) throw this.#tokens.error('expected "," or "]"');
    frame.isEmpty = false;
    if (frame.field === undefined && this.#tokens.take(byte.openBracket)) {
      this.#push({ kind: 'list', field: undefined, owner: undefined, isEmpty: true });
    } else this.#value(frame.field, frame.owner);
  }

  #atMessage(): boolean {
    const next = this.#tokens.peek();
    return next === byte.openBrace || next === byte.less;
  }

  #value(field: DescField | undefined, target: ReflectMessage | undefined): void {
    if (field !== undefined && ++this.#values > this.#limits.maxValues) throw this.#tokens.error('the file has too many values');
    if (this.#atMessage()) {
      if (field !== undefined && field.message === undefined)
        throw this.#tokens.error('a message for a field that takes a value');
      const close = this.#tokens.take(byte.openBrace) ? byte.closeBrace : byte.greater;
      if (close === byte.greater) this.#tokens.take(byte.less);
      const child = this.#child(field, target);
      this.#push({ kind: 'message', close, target: child, seen: child === undefined ? noFields : new Set() });
      return;
    }
    if (field === undefined || target === undefined) {
      if (this.#tokens.isString()) this.#tokens.skipString();
      else this.#tokens.scalar();
    } else if (field.fieldKind === 'list' && field.listKind !== 'message')
      target.get(field).add(readTextScalar(this.#tokens, field));
    else if (field.fieldKind === 'scalar' || field.fieldKind === 'enum') target.set(field, readTextScalar(this.#tokens, field));
    else throw this.#tokens.error('expected "{"');
    this.#afterValue();
  }

  #child(field: DescField | undefined, target: ReflectMessage | undefined): ReflectMessage | undefined {
    if (field?.message === undefined || target === undefined) return undefined;
    const child = reflect(field.message);
    if (field.fieldKind === 'list' && field.listKind === 'message') target.get(field).add(child);
    else if (field.fieldKind === 'message') target.set(field, child);
    return child;
  }

  #push(frame: MessageFrame | ListFrame): void {
    if (this.#frames.length > this.#limits.maxDepth) throw this.#tokens.error('the text is nested too deep');
    this.#frames.push(frame);
  }

  /** A field in a message may be followed by one separator; in a list the list looks after its commas. */
  #afterValue(): void {
    if (this.#frames.at(-1)?.kind !== 'message') return;
    if (!this.#tokens.take(byte.comma)) this.#tokens.take(byte.semicolon);
  }
}

/**
 * The message that `bytes` hold in text format; fields that `schema` does not declare are passed over. `name` is for messages.
 * @throws MODEL_INVALID, with the line, when the text is not well formed or passes a limit (default 100 levels, 500,000 values).
 */
export function parseTextFormat<Schema extends DescMessage>(
  schema: Schema,
  bytes: Buffer,
  name: string,
  limits: TextFormatLimits = defaultTextFormatLimits,
): MessageShape<Schema> {
  const message = create(schema);
  const tokens = new TextTokens(name, bytes);
  try {
    new TextFormatReader(tokens, limits).read(reflect(schema, message));
  } catch (thrown) {
    // The descriptors' own checks throw errors of their library.
    throw isAirlockError(thrown) ? thrown : tokens.error('a value does not fit its field');
  }
  return message;
}
