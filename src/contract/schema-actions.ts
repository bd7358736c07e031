// What happens when a rule is broken, and how strictly it is taken, as a contract file writes it: a bare word, or a mapping with the
// action's parameters.
import { z } from 'zod';
import { describeValue } from '../config/index.ts';
import type { Action } from './contract-types.ts';
import { contractValue, field, mapping, strict, wholeNumber, withDefault } from './fields.ts';
import { isRuleName, type RuleName, ruleTable } from './rule-table.ts';

const ruleNames = Object.keys(ruleTable).filter((name) => name !== 'relation');
const maxSide = 65_535;
const maxEntries = 200;

/** The name of a rule of a tensor. */
function ruleName() {
  return field({
    rule: 'ruleName',
    expected: 'the name of a rule, for example max or string.maxBytes',
    json: { enum: ruleNames },
    read: (value): RuleName | undefined =>
      typeof value === 'string' && isRuleName(value) && value !== 'relation' ? value : undefined,
  });
}

const side = withDefault(z.enum(['left', 'right']), 'right').describe('The side that goes, or that is filled.');

const longAction = z.discriminatedUnion('action', [
  strict({ action: z.enum(['reject', 'log', 'clip', 'select']) }),
  strict({ action: z.literal('replace'), with: contractValue() }),
  strict({ action: z.literal('truncate'), side }),
  strict({ action: z.literal('pad'), side, value: contractValue() }),
  strict({ action: z.literal('downsample'), maxWidth: wholeNumber(1, maxSide), maxHeight: wholeNumber(1, maxSide) }),
]);

const words = ['reject', 'log', 'clip', 'select', 'truncate'];

/** A bare word means the action with its defaults; `preprocess`, so that a mistake is reported at the key where it is. */
const action = z
  .preprocess((value, context) => {
    if (typeof value !== 'string') return value;
    if (!words.includes(value)) {
      const expected = `one of ${words.join(', ')}, or a mapping with action: replace, truncate, pad or downsample`;
      context.addIssue({ code: 'custom', params: { rule: 'choice', expected, got: describeValue(value) } });
    }
    return { action: value };
  }, longAction)
  .transform((value): Action => {
    const { action: kind, ...parameters } = value;
    return { kind, ...parameters } as Action;
  })
  .meta({ id: 'Action', description: 'One of reject, log, clip, select, truncate as a word, or a mapping with parameters.' });

/** By rule; absent: reject. */
export const onViolation = mapping(ruleName(), action, maxEntries).prefault({});

/** How strictly rules are taken. */
export const mode = z.enum(['off', 'shadow', 'sample', 'enforce']);

/** By rule; absent: the contract's mode. */
export const modes = mapping(ruleName(), mode, maxEntries).prefault({});

/** By rule: which source it was measured on. */
export const derivedFrom = (sourceId: z.ZodType<string>) => mapping(ruleName(), sourceId, maxEntries).prefault({});
