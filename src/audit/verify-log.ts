// Is an audit log what was written? Reads every line: numbers without gaps, each line naming the one before by its SHA-256, and the end as head.json
// says. Whoever can write the folder can write all of it anew; only a head that was kept elsewhere shows that, so one can be given.
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { AirlockError } from '../core/index.ts';
import { type AuditEntry, type AuditHead, emptyHead, hashOf, listFiles, maxLineBytes, readHead } from './log-files.ts';

export interface VerifiedLog {
  readonly entries: number;
  readonly head: AuditHead;
  readonly firstTime?: string;
  readonly lastTime?: string;
}

export interface VerifyLogOptions {
  /** An end that the log had once, kept elsewhere: the entry must be there, with this hash. */
  readonly expect?: AuditHead;
  /** Called with each entry, in order, when it has been checked against the one before. */
  readonly onEntry?: (entry: AuditEntry) => void;
}

/** @throws AUDIT_LOG_INVALID, naming the file, the line and what is wrong there; AUDIT_LOG_FAILED when it cannot be read. */
export function verifyAuditLog(folder: string, { expect, onEntry }: VerifyLogOptions = {}): VerifiedLog {
  let head = emptyHead;
  let firstTime: string | undefined;
  let lastTime: string | undefined;
  let sawExpected = expect === undefined || (expect.seq === 0 && expect.hash === emptyHead.hash);
  // Before the lines: a server may write while they are read, and a crash leaves the head behind. What follows it must continue the chain.
  const said = readHead(folder);
  for (const { name, firstSeq } of listFiles(folder)) {
    if (firstSeq !== head.seq + 1)
      throw invalid(name, 0, `it should begin with entry ${head.seq + 1}: a file is missing, or one is too many`);
    let lineNumber = 0;
    for (const { line, isWhole } of linesOf(join(folder, name))) {
      lineNumber += 1;
      if (!isWhole) throw invalid(name, lineNumber, 'the line is cut short');
      const entry = readEntry(line, name, lineNumber);
      if (entry.seq !== head.seq + 1)
        throw invalid(
          name,
          lineNumber,
          `entry ${entry.seq} stands where entry ${head.seq + 1} should: lines are missing or in another order`,
        );
      if (entry.previous !== head.hash) throw invalid(name, lineNumber, 'the line before it was changed');
      head = { seq: entry.seq, hash: hashOf(line) };
      if (said?.seq === head.seq && said.hash !== head.hash)
        throw invalid(name, lineNumber, 'the line was changed that head.json names as the last');
      if (expect?.seq === head.seq) {
        if (expect.hash !== head.hash) throw invalid(name, lineNumber, `entry ${head.seq} is not the one that was kept`);
        sawExpected = true;
      }
      firstTime ??= entry.time;
      lastTime = entry.time;
      onEntry?.(entry);
    }
  }
  if (said === undefined && head.seq > 0) throw invalid('head.json', 0, 'it is missing');
  if (said !== undefined && said.seq > head.seq)
    throw invalid('head.json', 0, `the log ends with entry ${head.seq}, and should end with entry ${said.seq}`);
  if (!sawExpected) throw invalid('the log', 0, `entry ${expect?.seq}, which was kept, is not there`);
  return {
    entries: head.seq,
    head,
    ...(firstTime === undefined ? {} : { firstTime }),
    ...(lastTime === undefined ? {} : { lastTime }),
  };
}

function readEntry(line: Buffer, name: string, lineNumber: number): AuditEntry {
  try {
    const entry = JSON.parse(line.toString('utf8')) as AuditEntry | null;
    if (
      entry !== null &&
      Number.isSafeInteger(entry.seq) &&
      [entry.time, entry.event, entry.previous].every((text) => typeof text === 'string')
    )
      return entry;
  } catch {
    // The same as an entry without what it needs.
  }
  throw invalid(name, lineNumber, 'it is no entry');
}

interface Line {
  readonly line: Buffer;
  /** False for one that does not end. */
  readonly isWhole: boolean;
}

function* linesOf(file: string): Generator<Line> {
  const chunk = Buffer.alloc(1024 * 1024);
  let rest = Buffer.alloc(0);
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (cause) {
    throw new AirlockError('AUDIT_LOG_FAILED', { detail: String(cause), cause });
  }
  try {
    for (;;) {
      const count = readSync(fd, chunk, 0, chunk.length, null);
      if (count === 0) break;
      const bytes = Buffer.concat([rest, chunk.subarray(0, count)]);
      let start = 0;
      for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start)) {
        yield { line: bytes.subarray(start, end), isWhole: true };
        start = end + 1;
      }
      rest = bytes.subarray(start);
      if (rest.length > maxLineBytes) break;
    }
    if (rest.length > 0) yield { line: rest, isWhole: false };
  } finally {
    closeSync(fd);
  }
}

function invalid(name: string, line: number, text: string): AirlockError {
  const where = line === 0 ? name : `${name}, line ${line}`;
  return new AirlockError('AUDIT_LOG_INVALID', { message: `The audit log is not what was written: ${where}: ${text}` });
}
