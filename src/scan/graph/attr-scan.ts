// Looks through the attributes of every node once for what makes a graph more than its own nodes: functions that an attribute names, however deep,
// and strings that may be graphs. It decodes nothing else.
import { bytesType, varintType, WireReader } from '../../core/index.ts';
import { newAttrEntry, readAttrEntry } from './attr-value.ts';
import { graphLimits } from './graph-limits.ts';
import { type NodeTable, nodeField } from './node-table.ts';
import type { Notes } from './notes.ts';
import type { Span } from './wire-message.ts';

export interface AttrVisitor {
  /** `attr`: `f`, `branches[1]`, `f.g` when the attribute g is one of the function that f names. */
  onFunction(row: number, attr: string, start: number, end: number): void;
  /** A string that is an attribute itself, or an element of a list that is; none is empty. */
  onString(row: number, attr: string, start: number, end: number): void;
  /** An element of a string tensor; none is empty. */
  onElement(row: number, start: number, end: number): void;
}

const stringType = 7;

export class AttrScanner {
  readonly #table: NodeTable;
  readonly #notes: Notes;
  readonly #visitor: AttrVisitor;
  readonly #outer: WireReader;
  readonly #inner: WireReader;
  readonly #entry = newAttrEntry();
  readonly #keys: number[] = [];

  constructor(table: NodeTable, notes: Notes, visitor: AttrVisitor) {
    this.#table = table;
    this.#notes = notes;
    this.#visitor = visitor;
    this.#outer = new WireReader(table.bytes, table.file);
    this.#inner = new WireReader(table.bytes, table.file);
  }

  /** All attributes of the node in `row`. @throws MODEL_INVALID when one is damaged. */
  scan(row: number): void {
    const { messageStarts, messageEnds } = this.#table;
    this.#keys.length = 0;
    this.#outer.enter(messageStarts[row], messageEnds[row]);
    while (this.#outer.next()) {
      if (this.#outer.field !== nodeField.attr || this.#outer.wireType !== bytesType) continue;
      readAttrEntry(this.#inner, this.#outer.start, this.#outer.end, this.#entry);
      const { keyStart, keyEnd, values } = this.#entry;
      if (values.length > 2) this.#notes.add('an attribute comes in pieces, which decoders merge');
      this.#keys.push(keyStart, keyEnd);
      for (let at = 0; at < values.length; at += 2) this.#value(row, keyStart, keyEnd, '', values[at], values[at + 1], 0);
    }
    if (this.#keys.length > 2) this.#findTwice();
  }

  /** Two attributes with one name: readers keep one of them, and not all the same one. */
  #findTwice(): void {
    const { bytes } = this.#table;
    const keys = this.#keys;
    if (keys.length <= 32) {
      for (let left = 0; left < keys.length; left += 2) {
        const length = keys[left + 1] - keys[left];
        for (let right = left + 2; right < keys.length; right += 2) {
          if (keys[right + 1] - keys[right] !== length || bytes[keys[left]] !== bytes[keys[right]]) continue;
          if (bytes.compare(bytes, keys[right], keys[right + 1], keys[left], keys[left + 1]) !== 0) continue;
          this.#notes.add('a node has two of the attribute', bytes.toString('utf8', keys[left], keys[left + 1]));
        }
      }
      return;
    }
    const seen = new Set<string>();
    for (let at = 0; at < keys.length; at += 2) {
      const key = bytes.toString('latin1', keys[at], keys[at + 1]);
      if (seen.has(key)) this.#notes.add('a node has two of the attribute', key);
      seen.add(key);
    }
  }

  #path(key: Span, outer: string, index: number): string {
    const name = this.#table.bytes.toString('utf8', key.start, Math.min(key.end, key.start + 200));
    return `${outer}${name}${index < 0 ? '' : `[${index}]`}`;
  }

  /** An AttrValue. Its readers are new ones only below the first level, where few are. */
  #value(row: number, keyStart: number, keyEnd: number, outer: string, start: number, end: number, depth: number): void {
    if (depth > graphLimits.maxDepth) throw this.#inner.damaged('its messages are nested too deep');
    const { bytes } = this.#table;
    // Types and small numbers, which most attributes are.
    if (end - start <= 3 && bytes[start] !== 0x52 && bytes[start] !== 0x0a && bytes[start] !== 0x12) return;
    const key = { start: keyStart, end: keyEnd };
    const reader = new WireReader(bytes, this.#table.file).enter(start, end);
    while (reader.next()) {
      const { field, wireType } = reader;
      if (wireType !== bytesType) {
        if (field === 1 || field === 2 || (field >= 7 && field <= 10)) {
          this.#notes.add('an attribute has a field with a wire type that decoders pass over');
        }
        continue;
      }
      if (field === 2) this.#string(row, key, outer, reader.start, reader.end, -1);
      else if (field === 8) this.#tensor(row, reader.start, reader.end);
      else if (field === 10) this.#function(row, key, outer, -1, reader.start, reader.end, depth);
      else if (field === 1) this.#list(row, key, outer, reader.start, reader.end, depth);
    }
  }

  #list(row: number, key: Span, outer: string, start: number, end: number, depth: number): void {
    const reader = new WireReader(this.#table.bytes, this.#table.file).enter(start, end);
    let [strings, functions] = [0, 0];
    while (reader.next()) {
      if (reader.wireType !== bytesType) continue;
      if (reader.field === 2) this.#string(row, key, outer, reader.start, reader.end, strings++);
      else if (reader.field === 8) this.#tensor(row, reader.start, reader.end);
      else if (reader.field === 9) this.#function(row, key, outer, functions++, reader.start, reader.end, depth);
    }
  }

  #string(row: number, key: Span, outer: string, start: number, end: number, index: number): void {
    if (start < end) this.#visitor.onString(row, this.#path(key, outer, index), start, end);
  }

  #function(row: number, key: Span, outer: string, index: number, start: number, end: number, depth: number): void {
    const path = this.#path(key, outer, index);
    const reader = new WireReader(this.#table.bytes, this.#table.file).enter(start, end);
    const entry = newAttrEntry();
    let name: Span = { start: end, end };
    while (reader.next()) {
      if (reader.wireType !== bytesType) continue;
      if (reader.field === 1) name = { start: reader.start, end: reader.end };
      else if (reader.field === 2) {
        readAttrEntry(this.#inner, reader.start, reader.end, entry);
        const { keyStart, keyEnd, values } = entry;
        // A path that grows with the depth would take memory that grows with its square.
        const prefix = path.length > 300 ? '….' : `${path}.`;
        const pieces = [...values];
        for (let at = 0; at < pieces.length; at += 2)
          this.#value(row, keyStart, keyEnd, prefix, pieces[at], pieces[at + 1], depth + 1);
      }
    }
    this.#visitor.onFunction(row, path, name.start, name.end);
  }

  #tensor(row: number, start: number, end: number): void {
    const reader = new WireReader(this.#table.bytes, this.#table.file).enter(start, end);
    let type = 0;
    let content: Span | undefined;
    while (reader.next()) {
      if (reader.field === 1 && reader.wireType === varintType) type = Number(reader.varint());
      else if (reader.wireType !== bytesType) continue;
      else if (reader.field === 8) this.#element(row, reader.start, reader.end);
      else if (reader.field === 4) content = { start: reader.start, end: reader.end };
    }
    if (type === stringType && content !== undefined) this.#content(row, content.start, content.end);
  }

  #element(row: number, start: number, end: number): void {
    if (start < end) this.#visitor.onElement(row, start, end);
  }

  /** Strings in tensor_content: their lengths as varints, then their bytes. There are as many as make lengths and bytes fill all of it. */
  #content(row: number, start: number, end: number): void {
    let total = 0;
    for (let at = start; at < end; ) {
      const length = this.#length(at, end);
      total += length.value;
      at = length.next;
      if (total > end - at) return;
      if (total < end - at) continue;
      let place = start;
      for (let string = at; string < end && place < at; ) {
        const { value, next } = this.#length(place, at);
        this.#element(row, string, string + value);
        string += value;
        place = next;
      }
      return;
    }
  }

  #length(start: number, end: number): { value: number; next: number } {
    const { bytes } = this.#table;
    let [value, scale, at] = [0, 1, start];
    for (; at < end && bytes[at] >= 0x80 && scale < 2 ** 35; at++) {
      value += (bytes[at] & 0x7f) * scale;
      scale *= 128;
    }
    return at < end ? { value: value + (bytes[at] & 0x7f) * scale, next: at + 1 } : { value, next: end };
  }
}
