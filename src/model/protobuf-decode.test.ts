import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { savedModelBytes, servingDefault } from '../../tests/support/model-builder.ts';
import { isAirlockError } from '../core/index.ts';
import { ExampleSchema, FeatureSchema } from './gen/tensorflow/example_pb.ts';
import { MetaGraphDefSchema, SavedModelSchema } from './gen/tensorflow/saved_model_pb.ts';
import { BundleEntryProtoSchema } from './gen/tensorflow/tensor_bundle_pb.ts';
import { TensorShapeProtoSchema } from './gen/tensorflow/types_pb.ts';
import { decodeMessage } from './protobuf-decode.ts';

const invalid = expect.objectContaining({ code: 'MODEL_INVALID' });
const bytesOf = (...bytes: number[]) => Buffer.from(bytes);

describe('decodeMessage', () => {
  it('reads what the library reads, and keeps no unknown field', () => {
    const bytes = savedModelBytes({ metaInfoDef: { tags: ['serve'] }, signatureDef: [servingDefault] });
    expect(decodeMessage(SavedModelSchema, bytes, 'file')).toEqual(fromBinary(SavedModelSchema, bytes));
    const unknown = bytesOf(0x7a, 3, 1, 2, 3, 0x78, 5, 0x7d, 1, 2, 3, 4, 0x79, 1, 2, 3, 4, 5, 6, 7, 8);
    expect(decodeMessage(SavedModelSchema, unknown, 'file')).toEqual(fromBinary(SavedModelSchema, Buffer.alloc(0)));
  });

  it('reads numbers one by one or packed', () => {
    for (const bytes of [bytesOf(0x1a, 6, 0x08, 1, 0x08, 2, 0x08, 3), bytesOf(0x1a, 5, 0x0a, 3, 1, 2, 3)]) {
      expect(decodeMessage(FeatureSchema, bytes, 'file').kind).toMatchObject({
        case: 'int64List',
        value: { value: [1n, 2n, 3n] },
      });
    }
  });

  it.each([
    ['a number where a string belongs', MetaGraphDefSchema, bytesOf(0x0a, 2, 0x20, 1)],
    ['a string where a number belongs', TensorShapeProtoSchema, bytesOf(0x1a, 1, 1)],
    ['a number where a message belongs', SavedModelSchema, bytesOf(0x10, 1)],
    ['a message that runs over the end of its parent', SavedModelSchema, bytesOf(0x12, 2, 0x0a, 4, 0x22, 2, 65, 66)],
    ['a cut message', SavedModelSchema, bytesOf(0x12, 9, 1)],
    ['a group', SavedModelSchema, bytesOf(0x7b, 0x7c)],
    ['an end of a group', SavedModelSchema, bytesOf(0x7c)],
    ['wire type 6', SavedModelSchema, bytesOf(0x7e)],
    ['field number 0', SavedModelSchema, bytesOf(0x00, 0)],
    ['a field number past 2^29', SavedModelSchema, bytesOf(0x80, 0x80, 0x80, 0x80, 0x10, 0)],
    ['a number of eleven bytes', BundleEntryProtoSchema, bytesOf(0x20, ...Array<number>(10).fill(0x80), 1)],
    ['a string that is not UTF-8', MetaGraphDefSchema, bytesOf(0x0a, 3, 0x22, 1, 0xff)],
  ])('refuses %s', (_, schema, bytes) => {
    expect(() => decodeMessage(schema, bytes, 'file')).toThrow(invalid);
  });

  it('bounds the objects that a few bytes may become', () => {
    const dims = (count: number) => Buffer.alloc(count * 2, bytesOf(0x12, 0));
    expect(decodeMessage(TensorShapeProtoSchema, dims(100_000), 'file').dim.length).toBe(100_000);
    expect(() => decodeMessage(TensorShapeProtoSchema, dims(100_001), 'file')).toThrow(invalid);
  });

  it('ends with a message or MODEL_INVALID on any bytes', () => {
    const valid = savedModelBytes({ metaInfoDef: { tags: ['serve'] }, signatureDef: [servingDefault] });
    const change = fc.tuple(fc.nat(valid.length - 1), fc.nat(255));
    const mutated = fc.array(change, { maxLength: 5 }).map((changes) => {
      const bytes = Buffer.from(valid);
      for (const [at, byte] of changes) bytes[at] = byte;
      return bytes;
    });
    const random = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(
        fc.oneof(mutated, random),
        fc.constantFrom(SavedModelSchema, ExampleSchema, MetaGraphDefSchema),
        (bytes, schema) => {
          try {
            decodeMessage(schema, bytes, 'file');
          } catch (thrown) {
            expect(isAirlockError(thrown) && thrown.code).toBe('MODEL_INVALID');
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});
