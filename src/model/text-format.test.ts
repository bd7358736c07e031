import { existsSync, readFileSync } from 'node:fs';
import { create, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { toText } from '@bufbuild/protobuf/txtpb';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { savedModelBytes, servingDefault } from '../../tests/support/model-builder.ts';
import { isAirlockError } from '../core/index.ts';
import { BytesListSchema, ExampleSchema, FeatureSchema, FloatListSchema, Int64ListSchema } from './gen/tensorflow/example_pb.ts';
import { MetaGraphDefSchema, SavedModelSchema, SignatureDefSchema, TensorInfoSchema } from './gen/tensorflow/saved_model_pb.ts';
import { BundleHeaderProtoSchema } from './gen/tensorflow/tensor_bundle_pb.ts';
import { TensorShapeProtoSchema } from './gen/tensorflow/types_pb.ts';
import { decodeMessage } from './protobuf-decode.ts';
import { parseTextFormat } from './text-format.ts';

function parse<Schema extends DescMessage>(schema: Schema, text: string): MessageShape<Schema> {
  return parseTextFormat(schema, Buffer.from(text, 'latin1'), 'file.pbtxt');
}

const invalid = expect.objectContaining({ code: 'MODEL_INVALID', message: expect.stringMatching(/^file\.pbtxt line \d+: /) });
const textOf = (text: string) => Buffer.concat(parse(BytesListSchema, `value: ${text}`).value).toString('latin1');

describe('parseTextFormat: the grammar', () => {
  it.each([
    ['braces', 'dim { size: 1 } dim { size: 2 }'],
    ['angles and colons', 'dim: < size: 1 > dim: { size: 2 }'],
    ['separators', 'dim { size: 1; }, dim { size: 2, };'],
    ['a list of messages', 'dim: [{ size: 1 }, < size: 2 >]'],
    ['a list without a colon', 'dim [{ size: 1 }, { size: 2 }]'],
    ['comments', '# first\ndim { # one\n size: 1 } dim { size: 2 } # end'],
    ['no space at all', 'dim{size:1}dim{size:2}'],
    ['other bases', 'dim { size: 0x1 } dim { size: 02 }'],
    ['an empty list', 'dim: [] dim { size: 1 } dim: [{ size: 2 }]'],
  ])('reads %s', (_, text) => {
    expect(parse(TensorShapeProtoSchema, text).dim.map(({ size }) => size)).toEqual([1n, 2n]);
  });

  it('reads enums by name and number, booleans by every name, and members of a oneof', () => {
    expect(parse(TensorInfoSchema, 'dtype: DT_FLOAT_REF').dtype).toBe(101);
    expect(parse(TensorInfoSchema, 'dtype: 77').dtype).toBe(77);
    for (const word of ['true', 'True', 't', '1'])
      expect(parse(TensorShapeProtoSchema, `unknown_rank: ${word}`).unknownRank).toBe(true);
    for (const word of ['false', 'False', 'f', '0'])
      expect(parse(TensorShapeProtoSchema, `unknown_rank: ${word}`).unknownRank).toBe(false);
    expect(parse(TensorInfoSchema, 'coo_sparse { values_tensor_name: "v:0" }').encoding.case).toBe('cooSparse');
  });

  it('reads numbers at the ends of their range, and not beyond', () => {
    const list = parse(Int64ListSchema, 'value: [-9223372036854775808, 9223372036854775807, - 1, -0x10, 0]');
    expect(list.value).toEqual([-(2n ** 63n), 2n ** 63n - 1n, -1n, -16n, 0n]);
    for (const word of ['9223372036854775808', '-9223372036854775809', '1.0', '1e3', '08', '0x', '1a', 'one', '"1"', '--1', '']) {
      expect(() => parse(Int64ListSchema, `value: ${word}`), word).toThrow(invalid);
    }
    expect(parse(BundleHeaderProtoSchema, 'num_shards: -2147483648').numShards).toBe(-(2 ** 31));
    expect(() => parse(BundleHeaderProtoSchema, 'num_shards: 2147483648')).toThrow(invalid);
  });

  it('reads floats as the C++ reader does', () => {
    const list = parse(FloatListSchema, 'value: [1, -1.5, .5, 1., 2e2, 1.5E-1f, 3f, inf, -Infinity, NaN, 1e300, 0.1]');
    expect(list.value).toEqual([
      1,
      -1.5,
      0.5,
      1,
      200,
      Math.fround(0.15),
      3,
      Infinity,
      -Infinity,
      NaN,
      Infinity,
      Math.fround(0.1),
    ]);
    for (const word of ['0x1', '012', '1.2.3', '1e', 'true', '.', '1_0'])
      expect(() => parse(FloatListSchema, `value: ${word}`), word).toThrow(invalid);
  });

  it('reads escapes and adjacent literals', () => {
    expect(textOf(`"a" 'b' "c"`)).toBe('abc');
    expect(textOf(String.raw`"\a\b\f\n\r\t\v\\\'\"\?"`)).toBe('\x07\b\f\n\r\t\v\\\'"?');
    expect(textOf(String.raw`"\0\00\000\377\18"`)).toBe('\0\0\0\xff\x018');
    expect(textOf(String.raw`"\x4\x41\X7ag"`)).toBe('\x04Azg');
    expect(textOf(String.raw`"\u20ac\U0001F600\ud83d\ude00"`)).toBe(Buffer.from('€😀😀').toString('latin1'));
    expect(textOf(`'it "is"' "# no comment"`)).toBe('it "is"# no comment');
    expect(textOf('"\x80\xff"')).toBe('\x80\xff');
    for (const bad of [
      String.raw`"\q"`,
      String.raw`"\400"`,
      String.raw`"\x"`,
      String.raw`"\ud83d"`,
      String.raw`"\ude00"`,
      String.raw`"\U00110000"`,
      String.raw`"\u12"`,
    ]) {
      expect(() => textOf(bad), bad).toThrow(invalid);
    }
  });

  it.each([
    ['a string over two lines', 'method_name: "a\nb"'],
    ['a string with an escaped line end', 'method_name: "a\\\nb"'],
    ['a string that does not end', 'method_name: "a'],
    ['a string that is not UTF-8', 'method_name: "\\377"'],
    ['a value without a colon', 'method_name "a"'],
    ['a field that is there twice', 'method_name: "a" method_name: "a"'],
    ['a field that is there twice with its zero', 'method_name: "" method_name: "a"'],
    ['a list for one value', 'method_name: ["a"]'],
    ['a message for a value', 'method_name { a: 1 }'],
    ['a value for a message', 'inputs: 1'],
    ['a wrong bracket', 'inputs { key: "a" >'],
    ['an open message', 'inputs {'],
    ['a closed message too many', 'inputs { } }'],
    ['two separators', 'method_name: "a";;'],
    ['a list that ends with a comma', 'inputs: [{},]'],
    ['a list without commas', 'inputs: [{} {}]'],
    ['an open list', 'inputs: [{}'],
    ['a number as a name', '3: "a"'],
    ['an unknown value without a colon', 'other 1'],
    ['an unknown open list', 'other: [1, 2'],
    ['an unknown open type', '[type.googleapis.com/x: 1'],
    ['a control character', 'method_name: "a"\x01'],
    ['a lone slash', '/'],
  ])('refuses %s', (_, text) => {
    expect(() => parse(SignatureDefSchema, text)).toThrow(invalid);
  });

  it('refuses two members of a oneof, and an enum of no such name', () => {
    expect(() => parse(TensorInfoSchema, 'name: "a" coo_sparse { }')).toThrow(invalid);
    expect(() => parse(FeatureSchema, 'int64_list { } int64_list { }')).toThrow(invalid);
    expect(() => parse(TensorInfoSchema, 'dtype: DT_NOTHING')).toThrow(invalid);
    expect(() => parse(TensorInfoSchema, 'dtype: 99999999999')).toThrow(invalid);
    expect(() => parse(TensorInfoSchema, 'dtype: 4294967297')).toThrow(invalid);
  });

  it('says the line', () => {
    expect(() => parse(SignatureDefSchema, '# one\nmethod_name:\n  7')).toThrow(/line 3: expected a string/);
  });
});

describe('parseTextFormat: what it passes over', () => {
  it('passes over unknown fields of every form', () => {
    const text = `
      a: 1 b: -1.5e-3 c: "x" 'y' d: WORD e: -inf f { g { h: "}" } } i: < j: 1 > k: [] l: [1, "two", { three: 3 }, [4, 5]]
      [type.googleapis.com/some.Type] { value: 1 } any { [type.googleapis.com/some.Type]: { value: "\\377" } }
      method_name: "m"; z { method_name: "other" }`;
    expect(parse(SignatureDefSchema, text)).toEqual(create(SignatureDefSchema, { methodName: 'm' }));
  });

  it('bounds the depth without the call stack', () => {
    expect(() => parse(SignatureDefSchema, 'a{'.repeat(1_000_000))).toThrow(/nested too deep/);
    expect(() => parse(SignatureDefSchema, `a: ${'['.repeat(1_000_000)}`)).toThrow(/nested too deep/);
    parse(SignatureDefSchema, `${'a{'.repeat(99)}${'}'.repeat(99)}`);
  });

  it('bounds what it keeps', () => {
    const limits = { maxDepth: 10, maxValues: 100 };
    const read = (count: number) =>
      parseTextFormat(TensorShapeProtoSchema, Buffer.from('dim{}'.repeat(count)), 'file.pbtxt', limits);
    expect(read(100).dim.length).toBe(100);
    expect(() => read(101)).toThrow(/too many values/);
    expect(() => parseTextFormat(Int64ListSchema, Buffer.from(`value: [${'1,'.repeat(100)}1]`), 'file.pbtxt', limits)).toThrow(
      /too many values/,
    );
  });

  it('takes time in proportion to what it passes over', () => {
    const graph = (bytes: number) =>
      Buffer.from(`graph_def { ${'node { name: "a/b" attr { key: "v" value { f: 1.5 } } }\n'.repeat(bytes / 55)} }`);
    const timeMs = (bytes: Buffer) => {
      const start = performance.now();
      parseTextFormat(MetaGraphDefSchema, bytes, 'file.pbtxt');
      return performance.now() - start;
    };
    timeMs(graph(500_000));
    const small = Math.min(...[1, 2, 3].map(() => timeMs(graph(500_000))));
    // Quadratic work would take 64 times as long.
    expect(Math.min(...[1, 2].map(() => timeMs(graph(4_000_000))))).toBeLessThan(small * 8 * 4);
  });
});

describe('parseTextFormat: properties', () => {
  const name = fc.string({ unit: 'grapheme', maxLength: 20 });
  const bigint64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const tensorInfo = fc.record({
    key: name,
    value: fc.record({
      encoding: fc.oneof(
        name.map((value) => ({ case: 'name' as const, value })),
        fc.constant({ case: 'cooSparse' as const, value: {} }),
      ),
      dtype: fc.constantFrom(0, 1, 7, 101, 132),
      tensorShape: fc.record({ unknownRank: fc.boolean(), dim: fc.array(fc.record({ size: bigint64, name }), { maxLength: 4 }) }),
    }),
  });
  const metaGraph = fc.record({
    metaInfoDef: fc.record({ tags: fc.array(name, { maxLength: 3 }), tensorflowVersion: name }),
    signatureDef: fc.array(
      fc.record({ key: name, value: fc.record({ methodName: name, inputs: fc.array(tensorInfo, { maxLength: 3 }) }) }),
      { maxLength: 3 },
    ),
  });
  const example = fc.record({
    features: fc.record({
      feature: fc.array(
        fc.record({
          key: name,
          value: fc.record({
            kind: fc.oneof(
              fc.array(fc.uint8Array(), { maxLength: 3 }).map((value) => ({ case: 'bytesList' as const, value: { value } })),
              fc.array(fc.float(), { maxLength: 3 }).map((value) => ({ case: 'floatList' as const, value: { value } })),
              fc.array(bigint64, { maxLength: 3 }).map((value) => ({ case: 'int64List' as const, value: { value } })),
            ),
          }),
        }),
        { maxLength: 3 },
      ),
    }),
  });

  it("reads what the library's writer writes", () => {
    fc.assert(
      fc.property(metaGraph, (init) => {
        const message = create(SavedModelSchema, { metaGraphs: [create(MetaGraphDefSchema, init)] });
        expect(parseTextFormat(SavedModelSchema, Buffer.from(toText(SavedModelSchema, message)), 'file')).toEqual(message);
      }),
    );
    fc.assert(
      fc.property(example, (init) => {
        const message = create(ExampleSchema, init);
        expect(parseTextFormat(ExampleSchema, Buffer.from(toText(ExampleSchema, message)), 'file')).toEqual(message);
      }),
    );
  });

  it('ends with a message or MODEL_INVALID on any text', () => {
    const valid = toText(
      SavedModelSchema,
      decodeMessage(
        SavedModelSchema,
        savedModelBytes({ metaInfoDef: { tags: ['serve'] }, signatureDef: [servingDefault] }),
        'file',
      ),
    );
    const words = fc.constantFrom(
      'meta_graphs',
      'signature_def',
      'tags',
      'dim',
      '{',
      '}',
      '<',
      '>',
      '[',
      ']',
      ':',
      ',',
      ';',
      '"a"',
      "'",
      '"',
      '\\',
      '#',
      '\n',
      '-',
      '1',
      '0x',
      'nan',
      ' ',
    );
    const random = fc.array(words, { maxLength: 60 }).map((list) => Buffer.from(list.join('')));
    const mutated = fc
      .array(fc.tuple(fc.nat(valid.length - 1), fc.oneof(fc.nat(255), words)), { maxLength: 6 })
      .map((changes) => {
        let text = valid;
        for (const [at, change] of changes)
          text = text.slice(0, at) + (typeof change === 'number' ? String.fromCharCode(change) : change) + text.slice(at + 1);
        return Buffer.from(text, 'latin1');
      });
    const bytes = fc.uint8Array({ maxLength: 100 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(fc.oneof(random, mutated, bytes), (text) => {
        try {
          parseTextFormat(SavedModelSchema, text, 'file');
        } catch (thrown) {
          expect(isAirlockError(thrown) && thrown.code, String(thrown)).toBe('MODEL_INVALID');
        }
      }),
      { numRuns: 5000 },
    );
  });

  const real = '../shared/testdata/tensorflow-saved-model/half_plus_two_pbtxt/00000123/saved_model.pbtxt';
  it.skipIf(!existsSync(real))('reads the same from a text as from its binary twin (skipped without ../shared/testdata)', () => {
    const text = parseTextFormat(SavedModelSchema, readFileSync(real), 'file');
    const twin = '../shared/testdata/tensorflow-serving/saved_model_half_plus_two_2_versions/00000123/saved_model.pb';
    const binary = decodeMessage(SavedModelSchema, readFileSync(twin), 'file');
    const byKey = (message: typeof text) =>
      new Map(message.metaGraphs[0].signatureDef.map(({ key, value }) => [key, value?.methodName]));
    expect(byKey(text)).toEqual(byKey(binary));
  });
});
