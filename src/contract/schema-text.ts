// The rules of strings, tokens and vocabularies in a contract file. What they mean is said in contract-types.ts.
import { z } from 'zod';
import type { Vocabulary } from './contract-types.ts';
import {
  contractNumber,
  countInterval,
  field,
  finiteNumber,
  matchingText,
  plainText,
  strict,
  wholeNumber,
  withDefault,
} from './fields.ts';

const maxBytes = 2 ** 31 - 1;
const none: ReadonlySet<string> = new Set();

/** Lower-case hexadecimal digits of a SHA-256. */
export function sha256() {
  return matchingText('a SHA-256: 64 lower-case hexadecimal digits', /^[0-9a-f]{64}$/);
}

/** `allow` or `reject`. */
export function allowOrReject(preset: 'allow' | 'reject') {
  return withDefault(z.enum(['allow', 'reject']), preset);
}

/** Any text of at most `maxLength` UTF-16 units. */
export function freeText(what: string, maxLength: number) {
  return field({
    rule: 'text',
    expected: `${what}, a text of at most ${maxLength} characters`,
    json: { type: 'string', maxLength },
    read: (value) => (typeof value === 'string' && value.length <= maxLength ? value : undefined),
  });
}

/** The entries are empty until load-contract.ts has read the file. */
export const vocabulary = strict({
  file: plainText('a path below the folder of the contract', 1_024).describe(
    'A file below the folder of the contract: one entry per line, UTF-8, without escapes; at most 64 MiB.',
  ),
  sha256: sha256().describe('Of the file, checked when the contract is loaded.'),
  maxUnknownFraction: withDefault(finiteNumber(0, 1), 0).describe('Share of a tensor’s elements that may be missing from it.'),
})
  .transform((value): Vocabulary => ({ ...value, entries: none }))
  .meta({ id: 'Vocabulary', description: 'Allowed values in a file.' });

const length = () => wholeNumber(0, maxBytes).exactOptional();

/** `encoding` has its default from what the tensor is; see complete.ts. */
export const stringRules = strict({
  encoding: z
    .enum(['utf8', 'ascii', 'binary'])
    .exactOptional()
    .describe('`binary` turns every rule of text off. Default utf8; binary beside image, audio or example.'),
  normalization: z.enum(['NFC', 'NFKC']).exactOptional().describe('The Unicode normal form that text must be in.'),
  controlCharacters: allowOrReject('allow').describe('Control characters other than tab, newline and carriage return.'),
  bidiControls: allowOrReject('allow').describe('Characters that reorder text (CVE-2021-42574).'),
  invisible: allowOrReject('allow').describe('Zero-width and other characters that cannot be seen.'),
  minBytes: length().describe('Fewest bytes of one string.'),
  maxBytes: length().describe('Most bytes of one string.'),
  minCodePoints: length().describe('Fewest Unicode code points.'),
  maxCodePoints: length().describe('Most Unicode code points.'),
  minGraphemes: length().describe('Fewest characters as people count them.'),
  maxGraphemes: length().describe('Most characters as people count them.'),
  pattern: freeText('a pattern', 1_000)
    .exactOptional()
    .describe('RE2 syntax; the whole string must match. At most 1,000 characters.'),
}).meta({ id: 'StringRules', description: 'Rules of each string.' });

/** Rows are slices along the last dimension. */
export const tokenRules = strict({
  padId: contractNumber().exactOptional().describe('Padding; may only stand at one end of a row.'),
  padSide: withDefault(z.enum(['left', 'right']), 'right').describe('The end at which padding stands.'),
  startsWith: contractNumber().exactOptional().describe('First token of each row.'),
  endsWith: contractNumber().exactOptional().describe('Last token of each row before the padding.'),
  specialIds: z.array(contractNumber()).max(1_000).readonly().default([]).describe('Tokens that maxSpecialTokens counts.'),
  maxSpecialTokens: length().describe('Special tokens in one row.'),
  maxRepeatRun: wholeNumber(1, maxBytes).exactOptional().describe('Longest run of one token; padding does not count.'),
  length: countInterval(0, maxBytes).exactOptional().describe('Tokens of a row without padding.'),
}).meta({ id: 'TokenRules', description: 'Rules of token ids; rows are slices along the last dimension.' });
