// The body of `:predict`, as TensorFlow Serving's REST interface defines it (docs api_rest.md; util/json_tensor.cc at 9d981c5), decoded
// while it arrives into one tensor per input of the signature. Stricter than TensorFlow Serving where its leniency loses or invents
// data: docs/compatibility.md lists every difference.
import { type AirlockError, type ErrorCode, isAirlockError, printable, violationError } from '../../core/index.ts';
import { formatShape, type Signature, shapeFits, type TensorSpec } from '../signature.ts';
import type { Tensor } from '../tensor.ts';
import { KeyOrder } from './key-order.ts';
import type { JsonLimits } from './limits.ts';
import { isFloat, type NumberRules } from './narrowing.ts';
import type { Literal } from './push-parser.ts';
import { duplicateKey, fieldInvalid } from './request-errors.ts';
import { TensorBuilder } from './tensor-builder.ts';
import { TensorParser } from './tensor-parser.ts';

export interface PredictDecoderOptions {
  readonly limits: JsonLimits;
  /** Content-Length where the client gave one; only a hint. */
  readonly sizeHint: number;
  /** `strict` demands the signature's shape; `compat` takes any, as TensorFlow Serving does. */
  readonly shapes: 'strict' | 'compat';
  /** Accept the bare words NaN, Infinity and -Infinity for floating-point inputs; `rules` may accept them where this does not. */
  readonly allowNonFinite: boolean;
  /** @throws SIGNATURE_NOT_FOUND */
  readonly signature: (name: string) => Signature;
  /** True when a client may name a signature other than `serving_default`. */
  readonly hasChoice: boolean;
  /** Of the model's contract; default none. */
  readonly rules?: NumberRules | undefined;
}

export interface PredictRequest {
  readonly signature: Signature;
  /** `row`: `instances`, answered as `predictions`; `columnar`: `inputs`, answered as `outputs`. */
  readonly format: 'row' | 'columnar';
  /** True when the client named the inputs: `{"x": …}` and not the value alone. */
  readonly named: boolean;
  /** In the order of the signature's inputs. */
  readonly tensors: readonly Tensor[];
}

/** Limits that a body breaks whatever signature it names: reading on would only cost time. */
const sameForAllSignatures: ReadonlySet<ErrorCode> = new Set(['REQUEST_TOO_LARGE', 'TENSOR_TOO_LARGE', 'JSON_TOO_MANY_TOKENS']);

const defaultSignatureName = 'serving_default';

/** What the brackets around the current place mean. */
type Place = 'outside' | 'top' | 'values' | 'brace' | 'base64' | 'row' | 'columns';

export class PredictDecoder extends TensorParser {
  readonly #options: PredictDecoderOptions;
  #signature: Signature | undefined;
  #named: string | undefined;
  #signatureSeen = false;
  #place: Place = 'outside';
  #topKey = '';
  #format: 'row' | 'columnar' | undefined;
  #builders: (TensorBuilder | undefined)[] = [];
  /** True once `instances` has turned out to hold objects, one per instance. */
  #rowObjects = false;
  /** True once `inputs` has turned out to be an object with one key per input. */
  #columnsNamed = false;
  #rows = 0;
  #keyOrder: KeyOrder | undefined;
  #base64Done = false;
  /** The first error under a signature that was only assumed; it stands unless another `signature_name` follows. */
  #pending: AirlockError | undefined;

  constructor(options: PredictDecoderOptions) {
    super(options.limits, options.sizeHint);
    this.#options = options;
  }

  override push(chunk: Uint8Array): void {
    this.#guard(() => super.push(chunk));
  }

  override catchUp(): void {
    this.#guard(() => super.catchUp());
  }

  /** The finished request. @throws the first thing that is wrong with the body. */
  finish(): PredictRequest {
    while (this.behind) this.catchUp();
    this.#guard(() => this.finishParse());
    if (this.#pending !== undefined) throw this.#givenUp(this.#pending);
    const result = this.#result();
    this.release();
    return result;
  }

  /**
   * JSON may name the signature after the data. Data is decoded for `serving_default` as it arrives; when that fails and the model has
   * other signatures, the rest of the body is only read for a `signature_name`, and the body is decoded again if there is one.
   */
  #guard(step: () => void): void {
    try {
      step();
    } catch (thrown) {
      if (!isAirlockError(thrown) || sameForAllSignatures.has(thrown.code)) throw this.#givenUp(thrown);
      if (this.#pending !== undefined) throw this.#givenUp(this.#pending);
      if (this.#named !== undefined || !this.#options.hasChoice || this.#format === undefined) throw this.#givenUp(thrown);
      this.#restart();
      this.#pending = thrown;
      this.#guard(() => this.advance(false));
    }
  }

  /** The next body gets the memory of one that was refused, too: otherwise a refusal would cost the collection of megabytes. */
  #givenUp(error: unknown): unknown {
    this.#options.rules?.refused(error);
    this.release();
    return error;
  }

  #restart(): void {
    this.rewind();
    this.#place = 'outside';
    this.#format = undefined;
    this.#builders = [];
    this.builder = undefined;
    this.level = 0;
    this.baseLevel = 0;
    this.#rowObjects = false;
    this.#columnsNamed = false;
    this.#rows = 0;
    this.#keyOrder = undefined;
    this.#signature = this.#named === undefined ? undefined : this.#options.signature(this.#named);
    this.#pending = undefined;
  }

  /** The signature that counts so far; the first data fixes it. */
  #active(): Signature {
    this.#signature ??= this.#options.signature(this.#named ?? defaultSignatureName);
    return this.#signature;
  }

  protected override onOpen(isObject: boolean): void {
    if (this.#pending !== undefined) return;
    switch (this.#place) {
      case 'outside':
        if (!isObject) throw fieldInvalid('', 'an object', 'a list');
        this.#place = 'top';
        return;
      case 'top':
        this.#openTopValue(isObject);
        return;
      case 'values':
        if (!isObject) this.openList(this.#current());
        else this.#place = this.builder === undefined ? 'row' : 'brace';
        return;
      case 'base64':
      case 'brace':
        throw this.typeMismatch(this.#current(), isObject ? 'an object' : 'a list');
      default:
        throw this.syntaxError('a key', 'a value');
    }
  }

  #openTopValue(isObject: boolean): void {
    if (this.#topKey === 'signature_name') throw fieldInvalid('signature_name', 'a string', isObject ? 'an object' : 'a list');
    const { inputs } = this.#active();
    if (this.#topKey === 'instances' && isObject) throw fieldInvalid('instances', 'a list', 'an object');
    if (this.#topKey === 'instances' && inputs.length === 0)
      throw fieldInvalid('instances', 'inputs, as the signature takes nothing', 'instances');
    if (inputs.length === 1) {
      this.#enter(0, 0);
      if (!isObject) this.openList(this.#current());
      else this.#place = 'brace';
    } else if (this.#topKey === 'instances') {
      this.#rowObjects = true;
      this.#place = 'values';
      this.level = 1;
    } else {
      if (!isObject) throw fieldInvalid('inputs', `an object with the inputs ${aliasList(inputs)}`, 'a list');
      this.#columnsNamed = true;
      this.#place = 'columns';
    }
  }

  /** Values that follow belong to input `index`; each is complete at `baseLevel`. */
  #enter(index: number, baseLevel: number): void {
    let builder = this.#builders[index];
    if (builder === undefined) {
      builder = new TensorBuilder(this.#active().inputs[index], this.#firstCapacity(index));
      this.#builders[index] = builder;
      const { rules } = this.#options;
      if (rules !== undefined && isFloat(builder.spec.dtype)) builder.narrowing = rules.narrowing(this.#active(), index);
    }
    this.builder = builder;
    this.level = baseLevel;
    this.baseLevel = baseLevel;
    this.#place = 'values';
  }

  /** Room for one instance of the declared shape, as far as the bytes that are expected can fill it. */
  #firstCapacity(index: number): number {
    let elements = 1;
    for (const size of this.#active().inputs[index].shape ?? []) elements *= Math.max(size, 1);
    let others = 0;
    for (const other of this.#builders) others += other?.capacity ?? 0;
    return Math.max(0, Math.min(Math.max(elements, 4), this.bytes.length >> 1, this.limits.maxElements - others));
  }

  #current(): TensorBuilder {
    const builder = this.builder;
    if (builder === undefined)
      throw fieldInvalid(this.path(), `an object with the inputs ${aliasList(this.#active().inputs)}`, 'a value');
    return builder;
  }

  protected override onKey(start: number, end: number, escaped: boolean): void {
    if (this.#place === 'top' || (this.#pending !== undefined && this.depth === 1)) {
      this.#onTopKey(this.text(start, end, escaped));
      return;
    }
    if (this.#pending !== undefined) return;
    if (this.#place === 'brace') this.#resolveBrace(this.text(start, end, escaped));
    if (this.#place === 'row' || this.#place === 'columns') this.#onInputKey(start, end, escaped);
    else if (this.#place === 'base64' && this.#base64Done)
      throw this.typeMismatch(this.#current(), 'an object with more keys than b64');
  }

  #onTopKey(key: string): void {
    this.#topKey = key;
    if (this.#pending !== undefined) return;
    if (key === 'instances' || key === 'inputs') {
      if (this.#format !== undefined) {
        const same = key === (this.#format === 'row' ? 'instances' : 'inputs');
        throw same ? duplicateKey('', key) : fieldInvalid(key, 'either instances or inputs', 'both');
      }
      this.#format = key === 'instances' ? 'row' : 'columnar';
    } else if (key === 'signature_name') {
      if (this.#signatureSeen) throw duplicateKey('', key);
      this.#signatureSeen = true;
    } else {
      throw violationError('REQUEST_FIELD_UNKNOWN', {
        path: printable(key),
        rule: 'field',
        expected: 'instances, inputs or signature_name',
        got: printable(key),
      });
    }
  }

  /** An object where a value was expected is base64, or the named inputs of one instance or of the whole request. */
  #resolveBrace(key: string): void {
    const builder = this.#current();
    const isBytes = key === 'b64' && builder.spec.dtype === 'DT_STRING';
    if (isBytes) {
      this.#place = 'base64';
      this.#base64Done = false;
      return;
    }
    const atInstance = this.#format === 'row' && this.level === 1 && this.baseLevel === 0 && builder.counts[1] === 0;
    // Depth 2: an object right below the key `inputs`, not one inside of an input.
    const atInputs = this.#format === 'columnar' && this.level === 0 && this.depth === 2;
    if (atInstance) {
      this.#rowObjects = true;
      this.builder = undefined;
      this.#place = 'row';
    } else if (atInputs) {
      this.builder = undefined;
      this.#columnsNamed = true;
      this.#place = 'columns';
    } else throw this.typeMismatch(builder, 'an object');
  }

  #onInputKey(start: number, end: number, escaped: boolean): void {
    this.#keyOrder ??= new KeyOrder(this.#active().inputs);
    // A name has no character that JSON escapes, unless a client escapes it all the same.
    const expected = escaped ? -1 : this.#keyOrder.expected(this.bytes, start, end);
    const index = expected >= 0 ? expected : this.#inputNamed(this.text(start, end, escaped), this.#keyOrder);
    const builder = this.#builders[index];
    if (builder !== undefined && (this.#place === 'columns' ? builder.rank >= 0 : builder.counts[1] > this.#rows))
      throw duplicateKey(this.path(), builder.spec.alias);
    this.#enter(index, this.#place === 'row' ? 1 : 0);
  }

  #inputNamed(key: string, order: KeyOrder): number {
    const index = order.named(key);
    if (index >= 0) return index;
    throw violationError('INPUT_UNKNOWN', {
      path: `${this.path()}.${printable(key)}`,
      rule: 'input',
      expected: aliasList(this.#active().inputs),
      got: printable(key),
    });
  }

  protected override onClose(isObject: boolean): void {
    if (this.#pending !== undefined) return;
    switch (this.#place) {
      case 'values':
        if (this.#rowObjects && this.level === 1 && this.builder === undefined) {
          this.level = 0;
          this.#enterTop();
        } else this.closeList(this.#current());
        return;
      case 'brace':
        throw this.typeMismatch(this.#current(), 'an empty object');
      case 'base64':
        this.#place = 'values';
        this.endScalar(this.#current());
        return;
      case 'row':
        this.#requireAll(this.#rows + 1);
        this.#rows++;
        this.#keyOrder?.endInstance();
        this.#place = 'values';
        this.level = 1;
        this.baseLevel = 0;
        return;
      case 'columns':
        this.#requireAll(0);
        this.#enterTop();
        return;
      default:
        // The top object alone can end here; anything else would be read in the wrong place from now on.
        if (!isObject || this.depth !== 0) throw this.syntaxError('the end of the request', 'the end of another value');
        this.#place = 'outside';
    }
  }

  /** Back among the keys of the top object. */
  #enterTop(): void {
    if (this.depth !== 1) throw this.syntaxError('a key of the request', 'a value inside of another');
    this.#place = 'top';
  }

  /** Every input has begun, and has at least this many instances. */
  #requireAll(rows: number): void {
    const { inputs } = this.#active();
    const isGiven = (index: number): boolean => (this.#builders[index]?.counts[1] ?? -1) >= rows;
    let given = 0;
    while (given < inputs.length && isGiven(given)) given++;
    if (given < inputs.length) {
      const missing = inputs.filter((_, index) => !isGiven(index));
      throw violationError('INPUT_MISSING', {
        path: this.path(),
        rule: 'input',
        expected: aliasList(inputs),
        got: `nothing for ${aliasList(missing)}`,
      });
    }
  }

  protected override onTensorValue(): void {
    if (this.baseLevel === 1) {
      this.builder = undefined;
      this.#place = 'row';
      return;
    }
    this.builder = undefined;
    // With named inputs the object is still open (depth 2); otherwise the value was the whole of `inputs` or `instances`.
    this.#place = this.depth === 1 ? 'top' : 'columns';
  }

  protected override onString(start: number, end: number, escaped: boolean): void {
    if (this.#onTopScalar('a string', () => this.text(start, end, escaped))) return;
    const builder = this.#current();
    const inBase64 = this.#place === 'base64';
    if (builder.store !== 'string')
      throw this.typeMismatch(
        builder,
        `the string ${printable(this.bytes.toString('utf8', start, Math.min(end, start + 64)), 40)}`,
      );
    this.beginScalar(builder);
    const text = escaped ? this.unescape(start, end) : this.bytes.subarray(start, end);
    if (!inBase64) {
      builder.addString(text);
      this.endScalar(builder);
      return;
    }
    builder.addString(this.base64(text));
    this.#base64Done = true;
  }

  protected override onNumber(start: number, end: number): void {
    if (this.#onTopScalar('a number', () => undefined)) return;
    const builder = this.#current();
    if (this.#place === 'base64') throw this.typeMismatch(builder, 'a number in b64');
    this.addNumber(builder, start, end);
  }

  protected override onLiteral(literal: Literal): void {
    if (this.#onTopScalar(literal, () => undefined)) return;
    const builder = this.#current();
    if (this.#place === 'base64') throw this.typeMismatch(builder, `${literal} in b64`);
    this.addLiteral(builder, literal);
  }

  protected override onNumbers(final: boolean): boolean {
    return this.#place === 'values' && super.onNumbers(final);
  }

  /** Handles a scalar that is not tensor data; true when it was one. */
  #onTopScalar(got: string, text: () => string | undefined): boolean {
    if (this.#place === 'outside' && this.#pending === undefined) throw fieldInvalid('', 'an object', got);
    if (this.#pending !== undefined) {
      if (this.depth !== 1 || this.#topKey !== 'signature_name') return true;
    } else if (this.#place !== 'top') return false;
    if (this.#topKey === 'signature_name') {
      const name = text();
      if (name === undefined) throw fieldInvalid('signature_name', 'a string', got);
      this.#onSignatureName(name);
      return true;
    }
    const { inputs } = this.#active();
    if (this.#topKey === 'instances' || inputs.length !== 1) {
      throw fieldInvalid(
        this.#topKey,
        this.#topKey === 'instances' ? 'a list' : `an object with the inputs ${aliasList(inputs)}`,
        got,
      );
    }
    this.#enter(0, 0);
    return false;
  }

  #onSignatureName(name: string): void {
    if (this.#named === name) return;
    const used = this.#signature;
    this.#named = name;
    // Decoded for another signature, or given up under it: once more, from the first byte.
    if (this.#pending !== undefined || (used !== undefined && used.name !== name)) {
      this.#signatureSeen = false;
      this.#options.rules?.restarted();
      this.#restart();
    }
  }

  protected override takesNonFinite(builder: TensorBuilder, value: number): boolean {
    const { allowNonFinite, rules } = this.#options;
    return allowNonFinite || rules?.judges(this.#active(), this.#builders.indexOf(builder), value) === true;
  }

  protected override elementRoom(builder: TensorBuilder): number {
    let others = 0;
    for (const other of this.#builders) if (other !== undefined && other !== builder) others += other.count;
    return this.limits.maxElements - others;
  }

  #result(): PredictRequest {
    if (this.#format === undefined) {
      throw violationError('REQUEST_FIELD_MISSING', { path: '', rule: 'field', expected: 'instances or inputs', got: 'neither' });
    }
    const signature = this.#active();
    if (this.#rowObjects && this.#rows === 0) throw noInstance();
    const elements = this.#builders.reduce((sum, builder) => sum + (builder?.count ?? 0), 0);
    if (elements > this.limits.maxElements) {
      throw this.limitError('TENSOR_TOO_LARGE', 'maxElements', this.limits.maxElements, 'elements in all tensors');
    }
    const tensors: Tensor[] = [];
    for (const [index, spec] of signature.inputs.entries()) {
      const builder = this.#builders[index];
      if (builder === undefined)
        throw violationError('INPUT_MISSING', {
          path: '',
          rule: 'input',
          expected: aliasList(signature.inputs),
          got: `nothing for ${spec.alias}`,
        });
      if (this.#rowObjects) builder.dims[1] = this.#rows;
      tensors.push(this.#finished(builder));
    }
    return { signature, format: this.#format, named: this.#rowObjects || this.#columnsNamed, tensors };
  }

  #finished(builder: TensorBuilder): Tensor {
    const tensor = builder.finish();
    const { spec } = builder;
    if (this.#format === 'row' && (tensor.shape[0] ?? 0) === 0) throw noInstance();
    if (this.#options.shapes === 'strict' && !shapeFits(spec.shape, tensor.shape)) {
      throw violationError('TENSOR_SHAPE_MISMATCH', {
        path: spec.alias,
        rule: 'shape',
        expected: formatShape(spec.shape),
        got: formatShape(tensor.shape),
      });
    }
    return tensor;
  }

  protected override path(): string {
    if (this.#place === 'outside' || this.#place === 'top') return '';
    const key = this.#format === 'row' ? 'instances' : 'inputs';
    if (this.#place === 'row') return `${key}[${this.#rows}]`;
    if (this.#place === 'columns') return key;
    const { builder } = this;
    if (builder === undefined) return `${key}[${this.#rows}]`;
    const named = this.#rowObjects || this.#columnsNamed;
    const indices = builder.counts
      .slice(this.baseLevel + 1, this.level + 1)
      .map((index) => `[${index}]`)
      .join('');
    const row = this.#rowObjects ? `[${this.#rows}]` : '';
    return `${key}${row}${named ? `.${printable(builder.spec.alias)}` : ''}${indices}`;
  }
}

function noInstance(): AirlockError {
  return fieldInvalid('instances', 'at least one instance', 'an empty list');
}

function aliasList(specs: readonly TensorSpec[]): string {
  return specs.map((spec) => printable(spec.alias)).join(', ') || 'none';
}
