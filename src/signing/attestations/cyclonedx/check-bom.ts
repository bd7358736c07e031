// Checks a bill of materials against the schema of CycloneDX 1.6 that the library carries. Nothing is fetched, and nothing is written that
// does not pass.
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { AirlockError, printable, type Violation } from '../../../core/index.ts';

const maxViolations = 20;

/** It compiles its schema at the first use, which takes a third of a second, and keeps it. */
const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);

/** @throws SIGNING_FAILED with what the schema refuses, for text that is not a CycloneDX 1.6 document */
export async function assertValidBom(json: string): Promise<void> {
  const errors: unknown = await validator.validate(json);
  if (errors === null) return;
  const violations = (Array.isArray(errors) ? errors : [errors]).slice(0, maxViolations).map(toViolation);
  throw new AirlockError('SIGNING_FAILED', {
    message: 'The bill of materials does not fit the schema of CycloneDX 1.6',
    violations,
  });
}

function toViolation(error: unknown): Violation {
  const { instancePath, message, params }: { instancePath?: unknown; message?: unknown; params?: unknown } = Object(error);
  return {
    path: printable(String(instancePath ?? ''), 200),
    rule: 'schema',
    expected: printable(String(message ?? 'what the schema says'), 200),
    got: printable(JSON.stringify(params ?? {}), 200),
  };
}
