import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { fromText } from '@bufbuild/protobuf/txtpb';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAirlockError } from '../../core/index.ts';
import { type Schema, SchemaSchema } from './gen/tensorflow_metadata/schema_pb.ts';
import { readTfdvSchema, readTfdvStatistics } from './read-metadata.ts';
import { serializeTfdvSchema } from './serialize-metadata.ts';
import { formatTextProto } from './write-text-proto.ts';

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('"', "'", '\\', '\n\t\r', '\x00\x01\x7f', 'é', '😀', '#', '??/'),
);
const int64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, 0n));
const optional = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record<T>(model, { requiredKeys: [] });
const feature = optional({
  name: text,
  type: fc.nat(9),
  deprecated: fc.boolean(),
  inEnvironment: fc.array(text, { maxLength: 2 }),
  distributionConstraints: optional({ minDomainMass: fc.double() }),
  domainInfo: fc.oneof(
    optional({ min: int64, max: int64 }).map((value) => ({ case: 'intDomain' as const, value })),
    optional({ min: fc.float(), max: fc.float(), disallowNan: fc.boolean() }).map((value) => ({
      case: 'floatDomain' as const,
      value,
    })),
    fc.array(text, { maxLength: 3 }).map((value) => ({ case: 'stringDomain' as const, value: { value } })),
    text.map((value) => ({ case: 'domain' as const, value })),
  ),
  annotation: fc
    .array(optional({ typeUrl: text, value: fc.uint8Array({ maxLength: 6 }) }), { maxLength: 1 })
    .map((extraMetadata) => ({ extraMetadata })),
});
const schema: fc.Arbitrary<Schema> = fc
  .array(feature, { maxLength: 3 })
  .map((list) => create(SchemaSchema, { feature: list } as MessageInitShape<typeof SchemaSchema>));

describe('schemas as text and as bytes', () => {
  it('are read as they were written, also by the library', () => {
    fc.assert(
      fc.property(schema, (message) => {
        const written = serializeTfdvSchema(message, 'text');
        expect(readTfdvSchema(written, 'schema.pbtxt')).toEqual(message);
        expect(fromText(SchemaSchema, written.toString('utf8'))).toEqual(message);
        const binary = serializeTfdvSchema(message, 'binary');
        expect(serializeTfdvSchema(readTfdvSchema(binary, 'schema.pb'), 'binary').equals(binary)).toBe(true);
        expect(serializeTfdvSchema(readTfdvSchema(binary, 'schema.pb'), 'text').equals(written)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('passes over what it does not know, in both forms', () => {
    const known = create(SchemaSchema, { feature: [{ name: 'a' }] });
    const later =
      'generate_legacy_feature_spec: true feature { name: "a" from_the_future { x: [1, "2", { y: 3 }] } } sequence { }';
    expect(readTfdvSchema(Buffer.from(later), 'x.pbtxt')).toEqual(known);
    // Field 2 of a schema, a message, and field 7, a bool: both were Google's own.
    const bytes = Buffer.concat([toBinary(SchemaSchema, known), Buffer.from([0x12, 0x01, 0x08, 0x38, 0x01])]);
    expect(readTfdvSchema(bytes, 'x.pb')).toEqual(known);
  });

  it('tells text from bytes by the name, and otherwise by the content', () => {
    const message = create(SchemaSchema, { feature: [{ name: 'a', type: 2 }] });
    const [asText, asBytes] = [serializeTfdvSchema(message, 'text'), serializeTfdvSchema(message, 'binary')];
    expect(readTfdvSchema(asText, 'schema')).toEqual(message);
    expect(readTfdvSchema(asBytes, 'schema')).toEqual(message);
    expect(() => readTfdvSchema(asBytes, 'schema.pbtxt')).toThrow(expect.objectContaining({ code: 'DATASET_INVALID' }));
    expect(() => readTfdvSchema(asText, 'schema.pb')).toThrow(expect.objectContaining({ code: 'DATASET_INVALID' }));
  });

  it('keeps whether a zero was there', () => {
    const message = readTfdvSchema(
      Buffer.from('feature { name: "a" int_domain { max: 0 } } feature { int_domain { } }'),
      'x.pbtxt',
    );
    const [first, second] = message.feature.map(({ domainInfo }) =>
      domainInfo.case === 'intDomain' ? domainInfo.value : undefined,
    );
    expect([first?.min, first?.max, second?.max]).toEqual([undefined, 0n, undefined]);
    expect(formatTextProto(SchemaSchema, message)).toContain('max: 0\n');
  });

  it('ends with a message or DATASET_INVALID on any bytes', () => {
    const valid = serializeTfdvSchema(
      create(SchemaSchema, {
        feature: [{ name: 'abc', type: 1, domainInfo: { case: 'stringDomain', value: { value: ['x'] } } }],
      }),
      'binary',
    );
    const mutated = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 4 }).map((changes) => {
      const copy = Buffer.from(valid);
      for (const [index, byte] of changes) copy[index] = byte;
      return copy;
    });
    const bytes = fc.oneof(
      mutated,
      fc.uint8Array({ maxLength: 80 }).map((array) => Buffer.from(array)),
    );
    fc.assert(
      fc.property(bytes, fc.constantFrom('x.pb', 'x.pbtxt', 'x'), (input, name) => {
        for (const read of [readTfdvSchema, readTfdvStatistics]) {
          try {
            read(input, name);
          } catch (thrown) {
            expect(isAirlockError(thrown) && thrown.code, String(thrown)).toBe('DATASET_INVALID');
          }
        }
      }),
      { numRuns: 800 },
    );
  });

  it('does not follow nesting into the call stack', () => {
    // A struct in a struct in a struct …, as bytes: each level is field 1 of a schema or struct, then field 29 of a feature.
    let bytes = Buffer.alloc(0);
    const field = (tag: readonly number[], content: Buffer) => {
      const size: number[] = [];
      for (let rest = content.length; ; rest >>>= 7) {
        size.push(rest > 127 ? (rest & 127) | 128 : rest);
        if (rest <= 127) break;
      }
      return Buffer.concat([Buffer.from([...tag, ...size]), content]);
    };
    for (let level = 0; level < 2_000; level++) bytes = field([0x0a], field([0xea, 0x01], bytes));
    expect(readTfdvSchema(bytes, 'x.pb').feature).toHaveLength(1);
    expect(() => readTfdvSchema(Buffer.from('feature{struct_domain{'.repeat(5_000)), 'x.pbtxt')).toThrow(/nested too deep/);
  });
});
