// The body of `:classify` and `:regress`: a list of feature maps that becomes serialized tf.Example messages, one string per example
// (docs api_rest.md and util/json_tensor.cc of TensorFlow Serving at 9d981c5). The kind of a feature follows from how its values are
// written, so a mix of kinds is refused; nothing is converted.
import { type AirlockError, printable, violationError } from '../core/index.ts';
import {
  duplicateKey,
  fieldInvalid,
  type JsonLimits,
  type Literal,
  nearestFloat32,
  nonFiniteNumbers,
  PushParser,
  type StringTensor,
} from '../tensor/index.ts';
import { ExampleWriter, type FeatureKind } from './example-writer.ts';

export interface ExamplesRequest {
  readonly signatureName: string;
  /** Shape [number of examples], each a serialized tf.Example that begins with the context. */
  readonly examples: StringTensor;
}

type Kind = FeatureKind | 'bool';

/** The open brackets that mean something; inside a feature, `list` and `base64` may follow each other. */
type Place = 'outside' | 'top' | 'examples' | 'features' | 'list' | 'base64';

/** Names must be different, so they are kept and sorted; more of them in one example than any model has. */
const maxFeatures = 100_000;

export class ExamplesDecoder extends PushParser {
  readonly #allowNonFinite: boolean;
  #place: Place = 'outside';
  #topKey = '';
  readonly #seen = new Set<string>();
  #signatureName = 'serving_default';
  readonly #context = new ExampleWriter();
  readonly #examples = new ExampleWriter();
  #name = '';
  #kind: Kind | undefined;
  /** Values of the feature that is open. */
  #values = 0;
  /** Values and examples so far. */
  #elements = 0;
  #inList = false;
  #base64Done = false;

  constructor(limits: JsonLimits, sizeHint: number, allowNonFinite: boolean) {
    super(limits, sizeHint);
    this.#allowNonFinite = allowNonFinite;
  }

  /** @throws the first thing that is wrong with the body. */
  finish(): ExamplesRequest {
    this.finishParse();
    if (!this.#seen.has('examples'))
      throw violationError('REQUEST_FIELD_MISSING', { path: '', rule: 'field', expected: 'examples', got: 'nothing' });
    if (this.#examples.ends.length === 0) throw fieldInvalid('examples', 'at least one example', 'an empty list');
    const examples = this.#joined();
    this.release();
    return { signatureName: this.#signatureName, examples };
  }

  /** The context before each example. Protobuf messages join by concatenation; what comes later wins, so an example can override it. */
  #joined(): StringTensor {
    const { bytes: context } = this.#context;
    const { bytes, ends } = this.#examples;
    const total = bytes.length + context.length * ends.length;
    // The context is repeated for each example: a small body must not become gigabytes.
    if (total > this.limits.maxBodyBytes) {
      const path = context.length > 0 ? 'context' : 'examples';
      throw violationError('TENSOR_TOO_LARGE', {
        path,
        rule: 'maxBodyBytes',
        expected: `at most ${this.limits.maxBodyBytes} bytes of examples`,
        got: 'more',
      });
    }
    const offsets = new Uint32Array(ends.length + 1);
    if (context.length === 0) {
      offsets.set(ends, 1);
      return { dtype: 'DT_STRING', shape: [ends.length], bytes, offsets };
    }
    const joined = Buffer.allocUnsafe(total);
    let start = 0;
    for (const [index, end] of ends.entries()) {
      joined.set(context, offsets[index]);
      bytes.copy(joined, offsets[index] + context.length, start, end);
      offsets[index + 1] = offsets[index] + context.length + end - start;
      start = end;
    }
    return { dtype: 'DT_STRING', shape: [ends.length], bytes: joined, offsets };
  }

  protected override onOpen(isObject: boolean): void {
    const what = isObject ? 'an object' : 'a list';
    switch (this.#place) {
      case 'outside':
        if (!isObject) throw fieldInvalid('', 'an object', what);
        this.#place = 'top';
        return;
      case 'top':
        if (this.#topKey === 'examples' ? isObject : this.#topKey !== 'context' || !isObject) throw this.#topInvalid(what);
        this.#place = isObject ? 'features' : 'examples';
        return;
      case 'examples':
        if (!isObject) throw fieldInvalid(this.path(), 'an object of features', what);
        this.#place = 'features';
        return;
      case 'features':
        this.#inList = !isObject;
        this.#place = isObject ? 'base64' : 'list';
        this.#base64Done = false;
        return;
      case 'list':
        if (!isObject) throw this.#invalid('a value', what);
        this.#place = 'base64';
        this.#base64Done = false;
        return;
      default:
        throw this.#invalid('a string in b64', what);
    }
  }

  protected override onClose(): void {
    switch (this.#place) {
      case 'base64':
        if (!this.#base64Done) throw this.#invalid('an object with the key b64', 'an empty object');
        if (this.#inList) this.#place = 'list';
        else this.#featureDone();
        return;
      case 'list':
        this.#featureDone();
        return;
      case 'features':
        this.#mapDone();
        return;
      default:
        this.#place = this.#place === 'examples' ? 'top' : 'outside';
    }
  }

  #featureDone(): void {
    this.#place = 'features';
    // A list without values says nothing about its kind; tf.Example has such features too.
    this.#writer.endFeature(this.#name, this.#kind === 'bool' ? 'int64' : (this.#kind ?? 'bytes'));
    this.#name = '';
    this.#kind = undefined;
    this.#values = 0;
    this.#inList = false;
  }

  #mapDone(): void {
    const inContext = this.#topKey === 'context';
    if (!inContext) this.#countElement();
    this.#writer.endExample();
    this.#place = inContext ? 'top' : 'examples';
  }

  get #writer(): ExampleWriter {
    return this.#topKey === 'context' ? this.#context : this.#examples;
  }

  #countElement(): void {
    const { maxElements } = this.limits;
    if (++this.#elements > maxElements)
      throw this.limitError('TENSOR_TOO_LARGE', 'maxElements', maxElements, 'values and examples');
  }

  protected override onKey(start: number, end: number, escaped: boolean): void {
    const key = this.text(start, end, escaped);
    if (this.#place === 'top') {
      this.#topKey = key;
      if (!['signature_name', 'context', 'examples'].includes(key)) {
        throw violationError('REQUEST_FIELD_UNKNOWN', {
          path: printable(key),
          rule: 'field',
          expected: 'signature_name, context or examples',
          got: printable(key),
        });
      }
      if (this.#seen.has(key)) throw duplicateKey('', key);
      this.#seen.add(key);
    } else if (this.#place === 'features') {
      if (this.#writer.hasFeature(key)) throw duplicateKey(this.path(), key);
      if (this.#writer.featureCount >= maxFeatures)
        throw this.limitError('TENSOR_TOO_LARGE', 'maxFeatures', maxFeatures, 'features in one example');
      this.#name = key;
    } else if (key !== 'b64' || this.#base64Done) {
      throw this.#invalid('an object with only the key b64', `the key ${printable(key)}`);
    }
  }

  protected override onString(start: number, end: number, escaped: boolean): void {
    if (this.#place === 'top' && this.#topKey === 'signature_name') {
      this.#signatureName = this.text(start, end, escaped);
      return;
    }
    this.#assertFeature('a string');
    const text = escaped ? this.unescape(start, end) : this.bytes.subarray(start, end);
    if (this.#place !== 'base64') {
      this.#addBytes(text);
      return;
    }
    const decoded = this.base64(text);
    this.#base64Done = true;
    this.#addBytes(decoded);
  }

  protected override onNumber(start: number, end: number): void {
    this.#assertFeature('a number');
    this.#assertNotBase64('a number');
    const text = this.bytes.toString('latin1', start, end);
    if (text === '-0') {
      // No integer is written so; it was computed as a float, and as one it would be another kind of feature.
      throw violationError('TENSOR_NOT_INTEGER', { path: this.path(), rule: 'integer', expected: '0, or -0.0', got: text });
    }
    if (/^-?\d+$/.test(text)) {
      const value = Number(text);
      const exact = Number.isSafeInteger(value) ? value : BigInt(text);
      if (exact < -(2n ** 63n) || exact > 2n ** 63n - 1n) {
        throw violationError('TENSOR_OUT_OF_RANGE', {
          path: this.path(),
          rule: 'range',
          expected: 'an integer that fits DT_INT64',
          got: printable(text, 40),
        });
      }
      this.#addInt64('int64', exact);
      return;
    }
    const value = nearestFloat32(text);
    if (!Number.isFinite(value)) {
      throw violationError('TENSOR_OUT_OF_RANGE', {
        path: this.path(),
        rule: 'range',
        expected: 'a number that fits DT_FLOAT',
        got: printable(text, 40),
      });
    }
    this.#addFloat(value);
  }

  protected override onLiteral(literal: Literal): void {
    this.#assertFeature(literal);
    this.#assertNotBase64(literal);
    if (literal === 'null') throw this.#invalid('a value', 'null');
    if (literal === 'true' || literal === 'false') {
      this.#addInt64('bool', literal === 'true' ? 1 : 0);
      return;
    }
    if (!this.#allowNonFinite)
      throw violationError('TENSOR_NOT_FINITE', {
        path: this.path(),
        rule: 'finite',
        expected: 'a finite DT_FLOAT',
        got: literal,
      });
    this.#addFloat(nonFiniteNumbers[literal]);
  }

  #addBytes(value: Uint8Array): void {
    this.#begin('bytes');
    this.#writer.addBytes(value);
    this.#valueDone();
  }

  #addInt64(kind: 'int64' | 'bool', value: number | bigint): void {
    this.#begin(kind);
    this.#writer.addInt64(value);
    this.#valueDone();
  }

  #addFloat(value: number): void {
    this.#begin('float');
    this.#writer.addFloat(value);
    this.#valueDone();
  }

  #begin(kind: Kind): void {
    if (this.#kind !== undefined && this.#kind !== kind)
      throw this.#invalid(`a value of the kind ${this.#kind}, like those before`, `one of the kind ${kind}`);
    this.#countElement();
    this.#kind = kind;
  }

  #valueDone(): void {
    this.#values++;
    if (this.#place === 'features') this.#featureDone();
  }

  #assertFeature(got: string): void {
    if (this.#place === 'outside') throw fieldInvalid('', 'an object', got);
    if (this.#place === 'top') throw this.#topInvalid(got);
    if (this.#place === 'examples') throw fieldInvalid(this.path(), 'an object of features', got);
  }

  #assertNotBase64(got: string): void {
    if (this.#place === 'base64') throw this.#invalid('a string in b64', got);
  }

  protected override onNumbers(): boolean {
    return false;
  }

  #topInvalid(got: string): AirlockError {
    const expected = { signature_name: 'a string', context: 'an object of features', examples: 'a list of objects' };
    return fieldInvalid(this.#topKey, expected[this.#topKey as keyof typeof expected], got);
  }

  #invalid(expected: string, got: string): AirlockError {
    return violationError('FEATURE_INVALID', { path: this.path(), rule: 'feature', expected, got });
  }

  protected override path(): string {
    if (this.#place === 'outside' || this.#place === 'top') return '';
    const map = this.#topKey === 'context' ? 'context' : `examples[${this.#examples.ends.length}]`;
    if (this.#place === 'examples') return map;
    const feature = this.#name === '' ? map : `${map}.${printable(this.#name)}`;
    return this.#inList ? `${feature}[${this.#values}]` : feature;
  }
}
