// All that is measured of one input of a signature, over all records of all data sets that feed it.
import { dtypes, type Tensor, type TensorSpec } from '../../tensor/index.ts';
import type { InputValues, TypedArray } from '../datasets/index.ts';
import { typedArrayOf } from '../datasets/index.ts';
import { ExampleMeasure } from './example-measure.ts';
import { ImageMeasure } from './image-measure.ts';
import { NumberMeasure } from './number-measure.ts';
import { Lengths, TextMeasure } from './text-measure.ts';

/** What the strings of an input are. */
export type StringContent = 'text' | 'images' | 'examples';

export interface MeasureOptions {
  /** Look for order within records, and for values that never come twice. */
  readonly detect: boolean;
}

/** Order along the last dimension of each record. */
const orders = ['increasing', 'nonDecreasing', 'decreasing', 'nonIncreasing'] as const;
export type Order = (typeof orders)[number];

/** With `detect`, so many different values are told apart. */
const detectDistinct = 1_000_000;

export class InputMeasure {
  readonly spec: TensorSpec;
  readonly content: StringContent;
  records = 0;
  missing = 0;
  readonly numbers: NumberMeasure | undefined;
  readonly text: TextMeasure | undefined;
  readonly images: ImageMeasure | undefined;
  readonly examples: ExampleMeasure | undefined;
  /** Sizes of each dimension of a record. */
  readonly sizes: Lengths[] = [];
  #orders: Set<Order> | undefined;
  /** Rows in which an order can be told: of two elements or more. */
  #orderedRows = 0;

  constructor(spec: TensorSpec, content: StringContent, { detect }: MeasureOptions) {
    this.spec = spec;
    this.content = content;
    const maxDistinct = detect ? detectDistinct : undefined;
    const { dtype } = spec;
    this.numbers = dtype === 'DT_STRING' ? undefined : new NumberMeasure(dtype, maxDistinct);
    this.text = dtype === 'DT_STRING' && content === 'text' ? new TextMeasure(maxDistinct) : undefined;
    this.images = dtype === 'DT_STRING' && content === 'images' ? new ImageMeasure() : undefined;
    this.examples = dtype === 'DT_STRING' && content === 'examples' ? new ExampleMeasure() : undefined;
    const { kind } = dtypes[dtype];
    this.#orders = detect && (kind === 'float' || kind === 'int') ? new Set(orders) : undefined;
  }

  /** The orders that every record has, the strictest first; none unless at least one record could break it. */
  get order(): Order | undefined {
    return this.#orderedRows === 0 ? undefined : orders.find((order) => this.#orders?.has(order));
  }

  /** Records of a batch in which this input's column does not occur at all. */
  addMissing(records: number): void {
    this.records += records;
    this.missing += records;
  }

  add(values: InputValues, firstRecord: number): void {
    const present = values.missing === undefined ? values.rows : values.missing.reduce((left, flag) => left - flag, values.rows);
    this.records += values.rows;
    this.missing += values.rows - present;
    this.#addSizes(values, present);
    this.#addElements(values.elements, firstRecord);
    if (this.#orders !== undefined && this.#orders.size > 0) this.#addOrders(values);
  }

  #addSizes({ itemShape }: InputValues, present: number): void {
    const shapes = 'perRecord' in itemShape ? itemShape.perRecord : Array<readonly number[]>(present).fill(itemShape);
    for (const shape of shapes) {
      for (const [index, size] of shape.entries()) {
        this.sizes[index] ??= new Lengths();
        this.sizes[index].add(size);
      }
    }
  }

  #addElements(tensor: Tensor, firstRecord: number): void {
    if (tensor.dtype !== 'DT_STRING') {
      this.numbers?.add(tensor);
      return;
    }
    const { bytes, offsets } = tensor;
    for (let index = 0; index < offsets.length - 1; index++) {
      const [start, end] = [offsets[index], offsets[index + 1]];
      if (this.images !== undefined) this.images.add(bytes.subarray(start, end), firstRecord + index);
      else if (this.examples !== undefined) this.examples.add(bytes.subarray(start, end), firstRecord + index);
      else this.text?.add(bytes, start, end);
    }
  }

  #addOrders({ itemShape, elements }: InputValues): void {
    const { dtype } = elements;
    if (dtype === 'DT_STRING' || dtype === 'DT_HALF' || dtype === 'DT_BFLOAT16' || 'perRecord' in itemShape) {
      this.#orders = undefined;
      return;
    }
    const length = itemShape.at(-1) ?? 0;
    if (length < 2) return;
    const data = typedArrayOf(dtype, elements.bytes);
    for (let start = 0; start < data.length; start += length) {
      this.#orderedRows++;
      for (let index = start + 1; index < start + length; index++) this.#drop(data, index);
    }
  }

  #drop(data: TypedArray, index: number): void {
    const [before, after] = [data[index - 1], data[index]];
    if (!(before < after)) this.#orders?.delete('increasing');
    if (!(before <= after)) this.#orders?.delete('nonDecreasing');
    if (!(before > after)) this.#orders?.delete('decreasing');
    if (!(before >= after)) this.#orders?.delete('nonIncreasing');
  }
}
