// The log of scans and decisions: lines are added and never changed. An entry is on the disk before `append` returns, so that nothing is decided
// that is not recorded; what a crash left half written is cut off and said.
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { AirlockError, isAirlockError } from '../core/index.ts';
import { withFolderLock } from './folder-lock.ts';
import {
  type AuditEntry,
  type AuditHead,
  emptyHead,
  formatHead,
  hashOf,
  listFiles,
  maxLineBytes,
  nameOfFile,
  readHead,
} from './log-files.ts';
import { verifyAuditLog } from './verify-log.ts';

export interface AuditLogOptions {
  /** A file that reaches this size is continued in the next. Default 64 MiB. */
  readonly maxFileBytes?: number;
  /** For tests. */
  readonly now?: () => Date;
}

export class AuditLog {
  readonly #folder: string;
  readonly #maxFileBytes: number;
  readonly #now: () => Date;
  #head: AuditHead = emptyHead;

  /** The folder is made when it is missing. @throws AUDIT_LOG_FAILED. */
  constructor(folder: string, { maxFileBytes = 64 * 1024 * 1024, now = () => new Date() }: AuditLogOptions = {}) {
    this.#folder = folder;
    this.#maxFileBytes = maxFileBytes;
    this.#now = now;
    guarded(() => mkdirSync(folder, { recursive: true, mode: 0o700 }));
  }

  /** How the log ended when this process last wrote: worth keeping where nobody who can write the log can change it. */
  get head(): AuditHead {
    return this.#head;
  }

  /**
   * Adds one entry. `data` is plain JSON whose strings are safe to show.
   * @throws AUDIT_LOG_FAILED when it cannot be written or is longer than 64 KiB; AUDIT_LOG_INVALID when the log's end is not what was written.
   */
  append(event: string, data: unknown): AuditHead {
    return guarded(() =>
      withFolderLock(this.#folder, () => {
        const end = this.#open();
        try {
          if (end.cutBytes > 0) this.#write(end, 'log recovered', { cutBytes: end.cutBytes });
          this.#write(end, event, data);
          fdatasyncSync(end.fd);
          this.#writeHead(end.head);
        } finally {
          closeSync(end.fd);
        }
        this.#head = end.head;
        return end.head;
      }),
    );
  }

  /** Opens the last file and finds out how it ends; another process may have written since. */
  #open(): OpenEnd {
    const said = readHead(this.#folder) ?? emptyHead;
    const last = listFiles(this.#folder).at(-1);
    if (last === undefined) {
      if (said.seq > 0) throw invalid(`the log should end with entry ${said.seq}, and there is none`);
      return { fd: openSync(join(this.#folder, nameOfFile(1)), 'a', 0o600), head: emptyHead, cutBytes: 0 };
    }
    const fd = openSync(join(this.#folder, last.name), 'a+', 0o600);
    try {
      const { line, cutBytes } = lastLine(fd);
      if (cutBytes > 0) ftruncateSync(fd, fstatSync(fd).size - cutBytes);
      const head = line === undefined ? { seq: last.firstSeq - 1, hash: said.hash } : headOf(line);
      // A crash between the line and the head leaves the head behind, and never ahead: by one entry, or by more where the disk kept less of it.
      const isNext = head.seq === said.seq + 1 && line !== undefined && entryOf(line).previous === said.hash;
      if (head.seq > said.seq && !isNext) verifyAuditLog(this.#folder, { expect: said });
      else if (!isNext && (head.seq !== said.seq || head.hash !== said.hash))
        throw invalid(`the log ends with entry ${head.seq}, and should end with entry ${said.seq}`);
      if (fstatSync(fd).size < this.#maxFileBytes) return { fd, head, cutBytes };
      closeSync(fd);
      return { fd: openSync(join(this.#folder, nameOfFile(head.seq + 1)), 'a', 0o600), head, cutBytes };
    } catch (thrown) {
      closeSync(fd);
      throw thrown;
    }
  }

  #write(end: OpenEnd, event: string, data: unknown): void {
    const seq = end.head.seq + 1;
    const entry: AuditEntry = { seq, time: this.#now().toISOString(), event, data, previous: end.head.hash };
    const line = JSON.stringify(entry);
    if (Buffer.byteLength(line) > maxLineBytes) throw new AirlockError('AUDIT_LOG_FAILED', { detail: 'an entry is too long' });
    const bytes = Buffer.from(`${line}\n`);
    for (let at = 0; at < bytes.length; ) at += writeSync(end.fd, bytes, at);
    end.head = { seq, hash: hashOf(line) };
  }

  #writeHead(head: AuditHead): void {
    const aside = join(this.#folder, 'head.json.new');
    // Flushed, because a name that reaches the disk before its bytes is an empty file after a power cut, and no line could be added any more.
    writeFileSync(aside, formatHead(head), { mode: 0o600, flush: true });
    renameSync(aside, join(this.#folder, 'head.json'));
  }
}

interface OpenEnd {
  readonly fd: number;
  head: AuditHead;
  /** Of a line that was not finished. */
  readonly cutBytes: number;
}

function lastLine(fd: number): { readonly line: string | undefined; readonly cutBytes: number } {
  const { size } = fstatSync(fd);
  // A line and, behind it, one that a crash cut short.
  const length = Math.min(size, 2 * maxLineBytes + 2);
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const count = readSync(fd, bytes, at, length - at, size - length + at);
    if (count === 0) throw invalid('the log became shorter while it was read');
    at += count;
  }
  const end = bytes.lastIndexOf(0x0a);
  const cutBytes = length - end - 1;
  if (end === -1) {
    if (size > length) throw invalid('a line is longer than any that is written');
    return { line: undefined, cutBytes };
  }
  const start = bytes.lastIndexOf(0x0a, end - 1) + 1;
  if (start === 0 && size > length) throw invalid('a line is longer than any that is written');
  return { line: bytes.subarray(start, end).toString('utf8'), cutBytes };
}

function entryOf(line: string): AuditEntry {
  try {
    const entry = JSON.parse(line) as AuditEntry | null;
    if (Number.isSafeInteger(entry?.seq) && typeof entry?.previous === 'string') return entry;
  } catch {
    // The same as an entry without what it needs.
  }
  throw invalid('its last line is no entry');
}

function headOf(line: string): AuditHead {
  return { seq: entryOf(line).seq, hash: hashOf(line) };
}

function invalid(text: string): AirlockError {
  return new AirlockError('AUDIT_LOG_INVALID', { message: `The audit log is not what was written: ${text}` });
}

function guarded<T>(job: () => T): T {
  try {
    return job();
  } catch (thrown) {
    if (isAirlockError(thrown)) throw thrown;
    throw new AirlockError('AUDIT_LOG_FAILED', { detail: String(thrown), cause: thrown });
  }
}
