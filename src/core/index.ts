// The door of core: errors, their registry, and helpers that every other folder may use. Imports nothing of ours.

export { BoundedTable } from './bounded-table.ts';
export { builtFile } from './built-file.ts';
export { errnoOf } from './errno.ts';
export type { ErrorCode, ErrorSpec, ExitCode, StatusName } from './error-registry.ts';
export { errorRegistry, errorSpec, httpStatus, isErrorCode } from './error-registry.ts';
export type { AirlockErrorOptions, Violation } from './errors.ts';
export { AirlockError, isAirlockError, violationError } from './errors.ts';
export { jsonOrUndefined } from './json-or-undefined.ts';
export { escapeHtml, markdownCode } from './markup.ts';
export { isDeadOwner, isLocalOwner, ownerMark } from './owner-mark.ts';
export { packageFolder } from './package-folder.ts';
export { packageVersion } from './package-version.ts';
export { printable, printableJson } from './printable.ts';
export { readProcessStat, readProcFile, readStartTime } from './process-stat.ts';
export { sarifLevels, sarifRuleName, sarifSecuritySeverities, sarifText } from './sarif.ts';
export { compareSeverity, lowered, type Severity, severities } from './severity.ts';
export { type BucketLimit, TokenBucket } from './token-bucket.ts';
export { bytesType, damagedFile, fixed32Type, fixed64Type, varintAt, varintType, WireReader } from './wire-reader.ts';
