// Reads one YAML file into plain values. The file is bounded, must be a regular one, must be UTF-8, and may not use what makes
// YAML dangerous or ambiguous: many aliases (the billion-laughs growth), duplicate keys, tags, several documents.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { LineCounter, parseDocument } from 'yaml';
import { AirlockError, isAirlockError, printable, type Violation } from '../core/index.ts';
import { configError } from './violations.ts';

/** A configuration larger than this is not one that a person wrote. */
export const maxConfigBytes = 256 * 1024;
const maxAliases = 16;
const maxListed = 20;

/** The file's text. CONFIG_NOT_FOUND when it cannot be opened, CONFIG_INVALID when it is too large or not UTF-8. */
export async function readConfigText(file: string): Promise<string> {
  // O_NONBLOCK: opening a named pipe would otherwise wait for a writer for ever.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw new AirlockError('CONFIG_NOT_FOUND', { detail: printable(file, 4_096), cause });
  });
  try {
    if (!(await handle.stat()).isFile()) throw wholeFile(file, 'regularFile', 'a regular file', 'something else');
    const bytes = Buffer.alloc(maxConfigBytes + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    if (length > maxConfigBytes) throw wholeFile(file, 'size', `at most ${maxConfigBytes} bytes`, 'more');
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length));
    } catch {
      throw wholeFile(file, 'utf8', 'UTF-8 text', 'other bytes'); // the decoder's own error says no more than that
    }
  } finally {
    await handle.close();
  }
}

/** The values of a YAML text, integers as bigint. CONFIG_INVALID lists what is wrong, by line and column. */
export function parseConfigText(text: string, file: string): unknown {
  try {
    return parseYaml(text, file);
  } catch (cause) {
    if (isAirlockError(cause)) throw cause;
    // What the parser does not report but throws: too many aliases, an alias without its anchor, nesting that exhausts the stack.
    const got = cause instanceof Error ? printable(cause.message, 160) : 'something else';
    throw wholeFile(file, 'yaml', `valid YAML with at most ${maxAliases} aliases`, got);
  }
}

function parseYaml(text: string, file: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    strict: true,
    uniqueKeys: true,
    stringKeys: true,
    intAsBigInt: true,
    prettyErrors: false,
    lineCounter: lines,
  });
  const problems = [...document.errors, ...document.warnings].map((problem): Violation => {
    const { line, col } = lines.linePos(problem.pos[0]);
    return { path: `line ${line}, column ${col}`, rule: 'yaml', expected: 'valid YAML', got: printable(problem.message, 160) };
  });
  if (problems.length > 0) throw configError(problems.slice(0, maxListed), printable(file, 4_096));
  return document.toJS({ maxAliasCount: maxAliases });
}

function wholeFile(file: string, rule: string, expected: string, got: string): AirlockError {
  return configError([{ path: '', rule, expected, got }], printable(file, 4_096));
}
