// The door of audit: the log of scans and decisions, and whether it is what was written.
export { AuditLog, type AuditLogOptions } from './audit-log.ts';
export { withFolderLock } from './folder-lock.ts';
export { type AuditEntry, type AuditHead, emptyHead } from './log-files.ts';
export { type VerifiedLog, type VerifyLogOptions, verifyAuditLog } from './verify-log.ts';
