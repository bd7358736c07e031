// Reads one YAML file into plain values. The file is bounded, must be a regular one, must be UTF-8, and may not use what makes
// YAML dangerous or ambiguous: many aliases (the billion-laughs growth), duplicate keys, tags, several documents.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { LineCounter, parseDocument } from 'yaml';
import { AirlockError, isAirlockError, printable, type Violation } from '../core/index.ts';
import { violationsError } from './violations.ts';

/** Which kind of file it is: the code of what is wrong with it, the code when it is not there, and how large it may be. */
export interface YamlKind {
  readonly code: 'CONFIG_INVALID' | 'CONTRACT_INVALID';
  readonly missing: 'CONFIG_NOT_FOUND' | 'CONTRACT_INVALID';
  readonly maxBytes: number;
}

/** A configuration larger than this is not one that a person wrote. */
export const maxConfigBytes = 256 * 1024;
/** airlock.yaml. */
export const configKind: YamlKind = { code: 'CONFIG_INVALID', missing: 'CONFIG_NOT_FOUND', maxBytes: maxConfigBytes };
const maxAliases = 16;
const maxListed = 20;

/** The file's text. `kind.missing` when it cannot be opened, `kind.code` when it is no regular file, too large or not UTF-8. */
export async function readYamlText(file: string, kind: YamlKind): Promise<string> {
  // O_NONBLOCK: opening a named pipe would otherwise wait for a writer for ever.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw new AirlockError(kind.missing, { detail: printable(file, 4_096), cause });
  });
  try {
    if (!(await handle.stat()).isFile()) throw wholeFile(kind, file, 'regularFile', 'a regular file', 'something else');
    const bytes = Buffer.alloc(kind.maxBytes + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    if (length > kind.maxBytes) throw wholeFile(kind, file, 'size', `at most ${kind.maxBytes} bytes`, 'more');
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length));
    } catch {
      throw wholeFile(kind, file, 'utf8', 'UTF-8 text', 'other bytes'); // the decoder's own error says no more than that
    }
  } finally {
    await handle.close();
  }
}

/** The values of a YAML text, integers as bigint. `kind.code` lists what is wrong, by line and column; `file` is for the operator. */
export function parseYamlText(text: string, file: string, kind: YamlKind): unknown {
  try {
    return parseYaml(text, file, kind);
  } catch (cause) {
    if (isAirlockError(cause)) throw cause;
    // What the parser does not report but throws: too many aliases, an alias without its anchor, nesting that exhausts the stack.
    const got = cause instanceof Error ? printable(cause.message, 160) : 'something else';
    throw wholeFile(kind, file, 'yaml', `valid YAML with at most ${maxAliases} aliases`, got);
  }
}

function parseYaml(text: string, file: string, kind: YamlKind): unknown {
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
  if (problems.length > 0) throw violationsError(kind.code, problems.slice(0, maxListed), printable(file, 4_096));
  return document.toJS({ maxAliasCount: maxAliases });
}

function wholeFile(kind: YamlKind, file: string, rule: string, expected: string, got: string): AirlockError {
  return violationsError(kind.code, [{ path: '', rule, expected, got }], printable(file, 4_096));
}
