// What we export is read by Google's own tensorflow-metadata: the text by its text format, the bytes by its messages, both to the same
// schema, and written again by it to the same bytes. Needs a Python with that package: AIRLOCK_TFMD_PYTHON=/venv/bin/python.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseContract } from '../../src/contract/index.ts';
import { exportTfdvSchema } from '../../src/derive/tfdv/export-schema.ts';
import { exportTfdvStatistics } from '../../src/derive/tfdv/export-statistics.ts';
import { importTfdv } from '../../src/derive/tfdv/import-schema.ts';
import { readTfdvSchema } from '../../src/derive/tfdv/read-metadata.ts';
import { serializeTfdvSchema, serializeTfdvStatistics } from '../../src/derive/tfdv/serialize-metadata.ts';
import { contractArbitrary } from '../support/contract-arbitrary.ts';

const python = process.env.AIRLOCK_TFMD_PYTHON ?? 'python3';

const script = `
import base64, json, sys
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
message = {"schema": schema_pb2.Schema, "statistics": statistics_pb2.DatasetFeatureStatisticsList}[sys.argv[1]]
for line in sys.stdin:
    pair = json.loads(line)
    text = text_format.Parse(base64.b64decode(pair["text"]).decode("utf-8"), message())
    binary = message.FromString(base64.b64decode(pair["binary"]))
    unknown = binary.SerializeToString(deterministic=True) != base64.b64decode(pair["binary"])
    print(json.dumps({"same": text == binary, "rewritten": unknown, "features": len(text.feature if sys.argv[1] == "schema" else text.datasets[0].features),
                      "text": text_format.MessageToString(text, as_utf8=True)}))
`;

function hasLibrary(): boolean {
  try {
    execFileSync(python, ['-c', 'import tensorflow_metadata'], { stdio: 'ignore', timeout: 20_000 });
    return true;
  } catch {
    return false; // no Python, or one without the package
  }
}

const absent = !hasLibrary();

interface Answer {
  readonly same: boolean;
  readonly rewritten: boolean;
  readonly features: number;
  readonly text: string;
}

type Files = readonly (readonly [text: Buffer, binary: Buffer])[];

function readByLibrary(message: 'schema' | 'statistics', files: Files): Answer[] {
  const input = files
    .map(([text, binary]) => JSON.stringify({ text: text.toString('base64'), binary: binary.toString('base64') }))
    .join('\n');
  const options = { input, encoding: 'utf8', timeout: 60_000, maxBuffer: 64 * 2 ** 20 } as const;
  return execFileSync(python, ['-c', script, message], options)
    .trim()
    .split('\n')
    .map((line): Answer => JSON.parse(line));
}

describe('tensorflow-metadata (skipped without a Python that has it; see AIRLOCK_TFMD_PYTHON)', () => {
  it.skipIf(absent)('reads our exports as we mean them', () => {
    const contracts = fc.sample(contractArbitrary, { numRuns: 60, seed: 7 });
    contracts.push(
      parseContract(`{ apiVersion: airlock/contract/v1, metadata: { id: a, revision: 1 }, signatures: { s: { inputs: { x: { dtype: string,
        example: { features: { "it's \\"é\\"": { kind: bytes, allowed: ["a\\n\\tb", "é😀"] }, n: { kind: int64, min: -9223372036854775808 },
          f: { kind: float, max: 0.1 } } } } } } } }`),
    );
    const schemas = contracts.flatMap((contract) =>
      [...contract.signatures].flatMap(([signature, { inputs }]) => {
        const isMixed = inputs.size > 1 && [...inputs.values()].some(({ example }) => example !== undefined);
        return isMixed ? [] : [exportTfdvSchema(contract, { signature }).schema];
      }),
    );
    const full = join(import.meta.dirname, '../../../shared/testdata/tfdv/full_schema.pb');
    if (existsSync(full)) {
      const message = readTfdvSchema(readFileSync(full), 'full_schema.pb');
      schemas.push(exportTfdvSchema(importTfdv({ id: 'a', schema: { message, name: 'a', sha256: 'a' } }).contract).schema);
    }
    expect(schemas.length).toBeGreaterThan(30);
    const files = schemas.map((schema) => [serializeTfdvSchema(schema, 'text'), serializeTfdvSchema(schema, 'binary')] as const);
    const answers = readByLibrary('schema', files);
    expect(answers).toHaveLength(schemas.length);
    for (const [index, { same, rewritten, features, text }] of answers.entries()) {
      expect({ same, rewritten, features }).toEqual({ same: true, rewritten: false, features: schemas[index].feature.length });
      expect(text).toBe(files[index][0].toString('utf8'));
    }
  });

  it.skipIf(absent)('reads our statistics as we mean them', () => {
    const statistics = fc.sample(contractArbitrary, { numRuns: 60, seed: 8 }).flatMap((contract) =>
      [...contract.signatures].flatMap(([signature, { inputs }]) => {
        const isMixed = inputs.size > 1 && [...inputs.values()].some(({ example }) => example !== undefined);
        return isMixed || inputs.size === 0 ? [] : [exportTfdvStatistics(contract, { signature }).statistics];
      }),
    );
    expect(statistics.length).toBeGreaterThan(20);
    const files = statistics.map(
      (message) => [serializeTfdvStatistics(message, 'text'), serializeTfdvStatistics(message, 'binary')] as const,
    );
    const answers = readByLibrary('statistics', files);
    expect(answers).toHaveLength(statistics.length);
    for (const [index, { same, rewritten, features, text }] of answers.entries()) {
      const expected = statistics[index].datasets[0].features.length;
      expect({ same, rewritten, features }).toEqual({ same: true, rewritten: false, features: expected });
      expect(text).toBe(files[index][0].toString('utf8'));
    }
  });
});
