// Finds the parts of a GraphDef: where its nodes, functions and gradients lie. It reads signatures of functions, but no node.
import { bytesType, varintType, WireReader } from '../../core/index.ts';
import type { FunctionArg, FunctionDefinition } from './function-definition.ts';
import { graphLimits } from './graph-limits.ts';
import type { GraphVersions } from './graph-types.ts';
import { GrowingList } from './growing-list.ts';
import type { Notes } from './notes.ts';
import { readName } from './read-name.ts';
import { type Span, WireMessage } from './wire-message.ts';

export interface GraphDefinition {
  readonly mainCount: number;
  readonly functions: readonly FunctionDefinition[];
  readonly gradients: ReadonlyMap<string, string>;
  readonly versions: GraphVersions;
  /** Where each node's message lies: those of the graph first, then function by function. */
  readonly nodeStarts: GrowingList;
  readonly nodeEnds: GrowingList;
}

// Shared by the many functions that have none.
const noSpans: ReadonlyMap<string, Span> = new Map();
const noNames: ReadonlyMap<string, string> = new Map();
const noArgAttrs = new Map<number, ReadonlyMap<string, Span>>();

const versionsField = 4;
const maxBadConsumers = 100;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

class DefinitionReader {
  readonly #bytes: Buffer;
  readonly #file: string;
  readonly #notes: Notes;
  readonly #reader: WireReader;
  readonly nodeStarts = new GrowingList();
  readonly nodeEnds = new GrowingList();
  readonly functions: FunctionDefinition[] = [];
  readonly gradients = new Map<string, string>();
  versions: GraphVersions = { producer: 0, minConsumer: 0, badConsumers: [] };

  constructor(bytes: Buffer, file: string, notes: Notes) {
    this.#bytes = bytes;
    this.#file = file;
    this.#notes = notes;
    this.#reader = new WireReader(bytes, file);
  }

  #message(span: Span, what: string): WireMessage {
    return new WireMessage(this.#bytes, this.#file, [span], this.#notes, what);
  }

  #addNode(start: number, end: number): void {
    if (this.nodeStarts.length >= graphLimits.maxNodes)
      throw this.#reader.damaged(`it has more than ${graphLimits.maxNodes} nodes`);
    this.nodeStarts.push(start);
    this.nodeEnds.push(end);
  }

  readGraph(spans: readonly Span[]): void {
    const libraries: Span[] = [];
    const versions: Span[] = [];
    for (const { start, end } of spans) {
      const reader = this.#reader.enter(start, end);
      while (reader.next()) {
        if (reader.field > 2) {
          if (reader.field === versionsField && reader.wireType === bytesType)
            versions.push({ start: reader.start, end: reader.end });
          continue;
        }
        if (reader.wireType !== bytesType) this.#notes.add('the graph has a field with a wire type that decoders pass over');
        else if (reader.field === 1) this.#addNode(reader.start, reader.end);
        else libraries.push({ start: reader.start, end: reader.end });
      }
    }
    if (libraries.length > 1) this.#notes.add(`the library of functions comes in ${libraries.length} pieces, which are merged`);
    for (const library of libraries) this.#readLibrary(library);
    const message = new WireMessage(this.#bytes, this.#file, versions, this.#notes, 'the versions of the graph');
    this.versions = {
      producer: message.number(1),
      minConsumer: message.number(2),
      badConsumers: message.numbers(3).slice(0, maxBadConsumers),
    };
  }

  #readLibrary({ start, end }: Span): void {
    const reader = new WireReader(this.#bytes, this.#file).enter(start, end);
    while (reader.next()) {
      const { field, wireType } = reader;
      if (field > 2) continue;
      const span = { start: reader.start, end: reader.end };
      if (wireType !== bytesType)
        this.#notes.add('the library of functions has a field with a wire type that decoders pass over');
      else if (field === 1) this.#readFunction(span);
      else {
        const gradient = this.#message(span, 'a gradient');
        const name = gradient.string(1);
        if (this.gradients.has(name)) this.#notes.add('there are two gradients of the function', name);
        this.gradients.set(name, gradient.string(2));
      }
    }
  }

  #attrs(entries: readonly Span[], what: string): ReadonlyMap<string, Span> {
    if (entries.length === 0) return noSpans;
    const attrs = new Map<string, Span>();
    for (const entry of entries) {
      const message = this.#message(entry, `an entry of ${what}`);
      const key = message.string(1);
      if (attrs.has(key)) this.#notes.add(`${what} are given twice:`, key);
      attrs.set(key, message.spans(2).at(-1) ?? { start: entry.end, end: entry.end });
    }
    return attrs;
  }

  #names(entries: readonly Span[], what: string): ReadonlyMap<string, string> {
    if (entries.length === 0) return noNames;
    const names = new Map<string, string>();
    for (const entry of entries) {
      const message = this.#message(entry, what);
      const key = message.string(1);
      if (names.has(key)) this.#notes.add(`${what} is given twice:`, key);
      names.set(key, message.string(2));
    }
    return names;
  }

  #signature(spans: readonly Span[]): { name: string; args: FunctionArg[]; outputs: FunctionArg[] } {
    const message = new WireMessage(this.#bytes, this.#file, spans, this.#notes, 'the signature of a function');
    const arg = (span: Span): FunctionArg => this.#readArg(span);
    return { name: message.string(1), args: message.spans(2).map(arg), outputs: message.spans(3).map(arg) };
  }

  /** Without a WireMessage: a library of 100,000 functions has a million of them. */
  #readArg(span: Span): FunctionArg {
    const arg = { span, name: '', type: 0, typeAttr: '', numberAttr: '', typeListAttr: '' };
    const reader = this.#reader.enter(span.start, span.end);
    while (reader.next()) {
      const { field, wireType, start, end } = reader;
      if (wireType === varintType && field === 3) arg.type = Number(BigInt.asIntN(32, reader.varint()));
      if (wireType !== bytesType) continue;
      if (field === 1) arg.name = readName(this.#bytes, start, end);
      else if (field === 4) arg.typeAttr = readName(this.#bytes, start, end);
      else if (field === 5) arg.numberAttr = readName(this.#bytes, start, end);
      else if (field === 6) arg.typeListAttr = readName(this.#bytes, start, end);
    }
    return arg;
  }

  /** Its nodes become rows after those of the functions before it. */
  #readFunction(span: Span): void {
    if (this.functions.length >= graphLimits.maxFunctions) {
      throw this.#reader.damaged(`it has more than ${graphLimits.maxFunctions} functions`);
    }
    const parts: Mutable<Record<'signature' | 'ret' | 'attr' | 'controlRet' | 'argAttr', Span[]>> = {
      signature: [],
      ret: [],
      attr: [],
      controlRet: [],
      argAttr: [],
    };
    const lists = new Map([
      [1, parts.signature],
      [4, parts.ret],
      [5, parts.attr],
      [6, parts.controlRet],
      [7, parts.argAttr],
    ]);
    const firstNode = this.nodeStarts.length;
    const reader = this.#reader.enter(span.start, span.end);
    while (reader.next()) {
      const list = lists.get(reader.field);
      if (list === undefined && reader.field !== 3) continue;
      if (reader.wireType !== bytesType) this.#notes.add('a function has a field with a wire type that decoders pass over');
      else if (list === undefined) this.#addNode(reader.start, reader.end);
      else list.push({ start: reader.start, end: reader.end });
    }
    if (parts.signature.length > 1) this.#notes.add('the signature of a function comes in pieces, which are merged');
    const { name, args, outputs } = this.#signature(parts.signature);
    const argAttrs = parts.argAttr.length === 0 ? noArgAttrs : new Map<number, ReadonlyMap<string, Span>>();
    for (const entry of parts.argAttr) {
      const message = this.#message(entry, 'attributes of an argument');
      const attrs = message.message(2, 'attributes of an argument')?.spans(1) ?? [];
      argAttrs.set(message.number(1), this.#attrs(attrs, 'attributes of an argument'));
    }
    this.functions.push({
      name,
      args,
      outputs,
      ret: this.#names(parts.ret, 'an output of a function'),
      controlRet: this.#names(parts.controlRet, 'a control output of a function'),
      attrs: this.#attrs(parts.attr, 'attributes of a function'),
      argAttrs,
      firstNode,
      nodeCount: this.nodeStarts.length - firstNode,
    });
  }
}

/** `spans`: the pieces of one GraphDef. @throws MODEL_INVALID when it is damaged or passes a limit of `graphLimits`. */
export function readGraphDefinition(bytes: Buffer, file: string, spans: readonly Span[], notes: Notes): GraphDefinition {
  const reader = new DefinitionReader(bytes, file, notes);
  reader.readGraph(spans);
  const { functions, gradients, versions, nodeStarts, nodeEnds } = reader;
  const mainCount = functions.length === 0 ? nodeStarts.length : functions[0].firstNode;
  return { mainCount, functions, gradients, versions, nodeStarts, nodeEnds };
}
