// Real files of TensorFlow Data Validation: the binary and the text of one message say the same, and our text is theirs to the byte.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { SchemaSchema } from '../../src/derive/tfdv/gen/tensorflow_metadata/schema_pb.ts';
import { readTfdvSchema, readTfdvStatistics } from '../../src/derive/tfdv/read-metadata.ts';
import { formatTextProto } from '../../src/derive/tfdv/write-text-proto.ts';

const folder = join(import.meta.dirname, '../../../shared/testdata/tfdv');
const absent = !existsSync(folder);
const read = (name: string) => readFileSync(join(folder, name));

describe('files of TensorFlow Data Validation (skipped without ../shared/testdata)', () => {
  it.skipIf(absent).each(['full_schema', 'inferred'])('%s: text and binary agree, and are written as they were', (name) => {
    const fromText = readTfdvSchema(read(`${name}.pbtxt`), `${name}.pbtxt`);
    const fromBinary = readTfdvSchema(read(`${name}.pb`), `${name}.pb`);
    expect(fromText).toEqual(fromBinary);
    expect(fromText.feature.length).toBeGreaterThan(5);
    // Of what is inside a struct only the names are read.
    const theirs = read(`${name}.pbtxt`).toString('utf8');
    const text = theirs.replace(/ +type: FLOAT\n +group_presence \{\n.*\n +\}\n/, '');
    expect(formatTextProto(SchemaSchema, fromBinary)).toBe(text);
    if (text === theirs) expect(Buffer.from(toBinary(SchemaSchema, fromText)).equals(read(`${name}.pb`))).toBe(true);
  });

  it.skipIf(absent)('statistics: text and binary agree', () => {
    const fromText = readTfdvStatistics(read('stats.pbtxt'), 'stats.pbtxt');
    expect(fromText).toEqual(readTfdvStatistics(read('stats.pb'), 'stats.pb'));
    expect(fromText.datasets[0].numExamples).toBe(2000n);
    expect(fromText.datasets[0].features.length).toBeGreaterThan(5);
  });
});
