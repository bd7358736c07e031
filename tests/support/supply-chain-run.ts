// Made-up projects for the supply chain audit, written to a folder of their own, and what is said about them.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type AuditOptions, auditSupplyChain, type SupplyChainReport } from '../../src/supply-chain/index.ts';
import { temporaryFolder } from './server.ts';

export type ProjectFiles = Readonly<Record<string, string | Uint8Array>>;

export function writeProject(files: ProjectFiles, folder = temporaryFolder()): string {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
  return folder;
}

export function auditFiles(files: ProjectFiles, options: AuditOptions = {}): SupplyChainReport {
  const folder = writeProject(files);
  try {
    return auditSupplyChain(folder, options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `file:line rule severity`, in order of places; the prefix `supply-chain/` left out. */
export function linesOf({ findings, unreadable }: SupplyChainReport): string[] {
  const found = findings
    .filter(({ suppressed }) => suppressed === undefined)
    .map(({ place, ruleId, severity }) => `${place.file}:${place.line} ${ruleId.slice('supply-chain/'.length)} ${severity}`);
  return [...found, ...unreadable.map(({ file, line }) => `${file}:${line} NOT-JUDGED`)].sort();
}
