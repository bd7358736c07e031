// Facts that come as a file of JSON: a scanner's result, hyperparameters, metrics. Read as strictly as what is signed, so that what a person
// read in the file is what is stated.
import { basename } from 'node:path';
import { AirlockError, printable } from '../../core/index.ts';
import { parseStrictJson } from '../../provenance/format/index.ts';
import { readBoundedFile } from './bounded-file.ts';

const maxBytes = 8 * 1024 * 1024;

/** The JSON object in a file of at most 8 MiB. @throws USAGE when it is not there, is not JSON, has a key twice, or holds no object */
export async function readJsonFile(file: string): Promise<Readonly<Record<string, unknown>>> {
  const name = printable(basename(file), 200);
  const bytes = await readBoundedFile(file, { maxBytes });
  if (bytes === undefined) throw new AirlockError('USAGE', { message: `There is no ${name}`, detail: file });
  const value = parse(bytes, name);
  if (isRecord(value)) return value;
  throw new AirlockError('USAGE', { message: `${name} must hold a JSON object` });
}

function parse(bytes: Buffer, name: string): unknown {
  try {
    return parseStrictJson(bytes, { code: 'USAGE' });
  } catch (thrown) {
    const { violations } = AirlockError.from(thrown);
    const [{ path, expected, got }] = violations;
    const where = path === '' ? '' : ` at ${path}`;
    throw new AirlockError('USAGE', { message: `${name} is not JSON${where}: expected ${expected}, got ${got}`, violations });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
