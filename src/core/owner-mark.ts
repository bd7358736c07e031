// Names what a server puts on the disk after that server, so that the next one can tell what a dead server left behind from what
// another server, alive, needs. Process ids repeat and containers count their own: the start time and the PID namespace tell them apart.
import { readlinkSync } from 'node:fs';
import { readStartTime } from './process-stat.ts';

/** Of this process: `NAMESPACE-PID-START`. */
export function ownerMark(): string {
  return `${namespaceId()}-${process.pid}-${readStartTime(process.pid)}`;
}

/**
 * Whether `mark` can be told from here at all: false for one of another PID namespace (another container on the same volume, or this one
 * before it was started again), and for what is no mark.
 */
export function isLocalOwner(mark: string): boolean {
  return /^(\d+)-\d+-\d+$/.exec(mark)?.[1] === namespaceId();
}

/** True for the mark of a process that lived where this one lives, and lives no more. What cannot be told is not called dead. */
export function isDeadOwner(mark: string): boolean {
  const [, namespace, pid, start] = /^(\d+)-(\d+)-(\d+)$/.exec(mark) ?? [];
  return namespace === namespaceId() && readStartTime(Number(pid)) !== start;
}

function namespaceId(): string {
  return readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
}
