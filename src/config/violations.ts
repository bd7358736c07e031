// Turns what zod found wrong with a configuration into the violations that people read: place, rule, expected, got.
// Everything from the file passes printable(): a configuration may have been written by somebody else.
import type { z } from 'zod';
import { AirlockError, type ErrorCode, errorSpec, printable, type Violation } from '../core/index.ts';
import { describeValue } from './fields.ts';
import { nearestName } from './nearest-name.ts';
import { plannedKeys } from './planned-keys.ts';
import { knownKeys } from './schema.ts';

type Issue = z.core.$ZodIssue;

/** `models[0].limits.timeoutMs`, in the words of the file. */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += `${text === '' ? '' : '.'}${printable(String(part))}`;
  }
  return text;
}

/** Says what is wrong with a key that a mapping does not know. */
export type UnknownKey = (parent: readonly PropertyKey[], key: string, issue: Issue) => Violation;

/** A key that is not known, with the nearest of those that are. */
export function unknownKeyViolation(parent: readonly PropertyKey[], key: string, known: readonly string[]): Violation {
  const names = known.filter((name) => name !== key);
  const near = nearestName(key, names);
  const expected = near === undefined ? `one of the keys ${names.join(', ')}` : `a known key; the nearest is \`${near}\``;
  return { path: formatPath([...parent, key]), rule: 'unknownKey', expected, got: `\`${printable(key)}\`` };
}

function unknownKey(parent: readonly PropertyKey[], key: string): Violation {
  const place = placeOf(parent);
  const planned = plannedKeys.get(place === '' ? key : `${place}.${key}`);
  if (planned !== undefined) {
    const path = formatPath([...parent, key]);
    return { path, rule: 'notBuiltYet', expected: `this key to be left out: ${planned} is not built yet`, got: 'a value for it' };
  }
  return unknownKeyViolation(parent, key, knownKeys.get(place) ?? []);
}

/** A path as `knownKeys` has it: `[]` for any index, `*` for a name that the operator chose. */
function placeOf(path: readonly PropertyKey[]): string {
  let place = '';
  for (const part of path) {
    const inside = `${place}${place === '' ? '' : '.'}`;
    if (typeof part === 'number') place += '[]';
    else place = inside + (knownKeys.get(place)?.includes('*') ? '*' : printable(String(part)));
  }
  return place;
}

/** A field of the parameters that fields.ts and schema.ts attach to their own issues. */
function ownText(params: Readonly<Record<string, unknown>> | undefined, name: string): string {
  const value = params?.[name];
  return typeof value === 'string' ? value : '';
}

function toViolations(issue: Issue, unknown: UnknownKey): Violation[] {
  const path = formatPath(issue.path);
  const got = describeValue(issue.input);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknown(issue.path, key, issue));
    case 'custom':
      return [
        {
          path,
          rule: ownText(issue.params, 'rule'),
          expected: ownText(issue.params, 'expected'),
          got: ownText(issue.params, 'got'),
        },
      ];
    case 'invalid_value':
      return [{ path, rule: 'choice', expected: issue.values.map(String).join(' or '), got }];
    case 'invalid_union':
      return [{ path, rule: 'choice', expected: choices(issue), got }];
    case 'invalid_type':
      return [{ path, rule: 'type', expected: kinds[issue.expected] ?? issue.expected, got }];
    case 'too_small':
      return [{ path, rule: 'length', expected: `at least ${issue.minimum}`, got: lengthOf(issue.input) }];
    case 'too_big':
      return [{ path, rule: 'length', expected: `at most ${issue.maximum}`, got: lengthOf(issue.input) }];
    case 'invalid_key':
      return issue.issues.flatMap((inner) => toViolations({ ...inner, path: issue.path }, unknown));
    default:
      return [{ path, rule: issue.code, expected: printable(issue.message, 200), got }];
  }
}

/** Only a union that is told apart by one key can say what that key may be. */
function choices(issue: z.core.$ZodIssueInvalidUnion): string {
  return 'options' in issue && issue.options !== undefined ? issue.options.map(String).join(' or ') : 'another kind of value';
}

const kinds: Readonly<Record<string, string>> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  boolean: 'true or false',
};

function lengthOf(value: unknown): string {
  return Array.isArray(value) ? String(value.length) : describeValue(value);
}

/** `code` with every violation; its message shows the first and counts the rest. */
export function violationsError(code: ErrorCode, violations: readonly Violation[], detail?: string): AirlockError {
  const [first] = violations;
  const where = first.path === '' ? '' : ` at ${first.path}`;
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : '';
  return new AirlockError(code, {
    message: `${errorSpec(code).text}${where}: expected ${first.expected}, got ${first.got}${more}`,
    violations,
    ...(detail === undefined ? {} : { detail }),
  });
}

/** CONFIG_INVALID with every violation. */
export function configError(violations: readonly Violation[], detail?: string): AirlockError {
  return violationsError('CONFIG_INVALID', violations, detail);
}

/** Every mistake that zod found, in words. */
export function schemaViolations(issues: readonly Issue[], unknown: UnknownKey = unknownKey): Violation[] {
  return issues.flatMap((issue) => toViolations(issue, unknown));
}
