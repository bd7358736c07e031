// Refusals that the bodies of predict, classify and regress share.
import { type AirlockError, printable, violationError } from '../../core/index.ts';

/** REQUEST_FIELD_INVALID: a key of the interface with a value of the wrong kind. */
export function fieldInvalid(path: string, expected: string, got: string): AirlockError {
  return violationError('REQUEST_FIELD_INVALID', { path, rule: 'field', expected, got });
}

/** JSON_DUPLICATE_KEY */
export function duplicateKey(path: string, key: string): AirlockError {
  return violationError('JSON_DUPLICATE_KEY', {
    path,
    rule: 'duplicate',
    expected: 'each key once',
    got: `${printable(key)} twice`,
  });
}
