// A ScanContext that remembers what it is told, for tests of one reader or judge of src/scan at a time.
import { AirlockError } from '../../src/core/index.ts';
import { openOpRegistry } from '../../src/scan/ops/index.ts';
import type { ScanContext, ScanLimits, Source } from '../../src/scan/scan-context.ts';
import type { Artifact, Finding, Unreadable, Use } from '../../src/scan/scan-types.ts';

export interface RecordingContext extends ScanContext {
  readonly findings: Finding[];
  readonly parts: Unreadable[];
  readonly artifacts: Artifact[];
  readonly uses: Use[];
  /** What was handed on to be scanned whatever it is. */
  readonly sources: Source[];
}

const ops = openOpRegistry();

export function recordingContext(limits: Partial<ScanLimits> = {}, tensorflow = '2.21.0'): RecordingContext {
  const all: ScanLimits = {
    maxExpandedBytes: 1024 ** 3,
    maxNesting: 3,
    maxFiles: 100_000,
    maxGraphBytes: 2 ** 31 - 1,
    memoryBudgetBytes: 1024 ** 3,
    maxIterations: 10_000_000,
    ...limits,
  };
  const findings: Finding[] = [];
  const parts: Unreadable[] = [];
  const artifacts: Artifact[] = [];
  const uses: Use[] = [];
  const sources: Source[] = [];
  let expandedBytes = 0;
  let files = 0;
  return {
    findings,
    parts,
    artifacts,
    uses,
    sources,
    limits: all,
    tensorflow,
    ops,
    report: (finding) => void findings.push(finding),
    unreadable: (file, reason) => void parts.push({ file, reason }),
    artifact: (artifact) => void artifacts.push(artifact),
    use: (use) => void uses.push(use),
    takeExpanded(bytes, file) {
      expandedBytes += bytes;
      if (expandedBytes > all.maxExpandedBytes) throw new AirlockError('MODEL_INVALID', { message: `${file} grows too large` });
    },
    takeFile(file) {
      if (++files > all.maxFiles) throw new AirlockError('MODEL_INVALID', { message: `${file}: too many files` });
    },
    scanSource(source) {
      sources.push(source);
      return Promise.resolve();
    },
    progress: () => undefined,
  };
}

/** Bytes as a source. */
export function sourceOf(bytes: Uint8Array, name = 'model.bin'): Source {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    name,
    sizeBytes: buffer.length,
    read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > buffer.length) {
        throw new AirlockError('MODEL_INCOMPLETE', { message: `${name} is cut short` });
      }
      return buffer.subarray(offset, offset + length);
    },
  };
}
