// The ScanContext of a real scan: collects what readers and judges say, within bounds, and hands files on. One model may not fill a disk with
// findings, and may not make the scan grow beyond what it may hold.
import { AirlockError, compareSeverity } from '../../core/index.ts';
import type { CostModel } from '../../cost/index.ts';
import type { OpRegistry } from '../ops/index.ts';
import type { ScanContext, ScanLimits, Source } from '../scan-context.ts';
import {
  type Artifact,
  type Finding,
  maxFindingsPerRule,
  maxUses,
  type ScanResult,
  type Unreadable,
  type Use,
} from '../scan-types.ts';

export const defaultScanLimits: ScanLimits = {
  maxExpandedBytes: 1024 ** 3,
  maxNesting: 3,
  maxFiles: 100_000,
  maxGraphBytes: 2 ** 31 - 1,
  memoryBudgetBytes: 1024 ** 3,
  maxIterations: 10_000_000,
};

/** Artifacts and unreadable parts that are listed. */
const maxListed = 1000;

/** A hostile file can make a sum infinite. JSON has no such number, and whoever reads the result would refuse all of it. */
function sayable(facts: Artifact['facts']): Artifact['facts'] {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [name, Number.isFinite(value) || typeof value === 'string' ? value : 'unknown']),
  );
}

function mildestOf(findings: readonly Finding[]): number {
  return findings.reduce((least, one, index) => (compareSeverity(one.severity, findings[least].severity) < 0 ? index : least), 0);
}

export interface CollectorOptions {
  readonly tensorflow: string;
  readonly ops: OpRegistry;
  readonly limits?: Partial<ScanLimits>;
  readonly scanSource: (source: Source) => Promise<void>;
  readonly onProgress?: (bytes: number) => void;
  readonly withCost?: boolean;
}

export class Collector implements ScanContext {
  readonly limits: ScanLimits;
  readonly tensorflow: string;
  readonly ops: OpRegistry;
  readonly scanSource: (source: Source) => Promise<void>;
  readonly #onProgress: (bytes: number) => void;
  readonly #findings = new Map<string, Finding[]>();
  /** Of rules that have as many as are kept: which of them goes first. */
  readonly #mildest = new Map<string, number>();
  readonly #seen = new Set<string>();
  readonly #leftOut: Record<string, number> = {};
  readonly #artifacts: Artifact[] = [];
  readonly #unreadable: Unreadable[] = [];
  readonly #uses = new Map<string, Use>();
  #usesAreCut = false;
  #expandedBytes = 0;
  #files = 0;
  #cost: CostModel | undefined;
  readonly cost?: (cost: CostModel) => void;

  constructor({ tensorflow, ops, limits, scanSource, onProgress, withCost }: CollectorOptions) {
    this.limits = { ...defaultScanLimits, ...limits };
    this.tensorflow = tensorflow;
    this.ops = ops;
    this.scanSource = scanSource;
    this.#onProgress = onProgress ?? (() => undefined);
    if (withCost === true) {
      this.cost = (cost) => {
        this.#cost ??= cost;
      };
    }
  }

  report(finding: Finding): void {
    const { file, metaGraph, function: name, node, path, offset } = finding.location;
    const key = JSON.stringify([
      finding.ruleId,
      file,
      metaGraph,
      name,
      node,
      path,
      offset,
      finding.argument?.name,
      finding.message,
    ]);
    if (this.#seen.has(key)) return;
    const known = this.#findings.get(finding.ruleId) ?? [];
    this.#findings.set(finding.ruleId, known);
    if (known.length < maxFindingsPerRule) {
      this.#seen.add(key);
      known.push(finding);
      return;
    }
    this.#leftOut[finding.ruleId] = (this.#leftOut[finding.ruleId] ?? 0) + 1;
    // The worst must not hide behind a hundred harmless ones.
    const mildest = this.#mildest.get(finding.ruleId) ?? mildestOf(known);
    this.#mildest.set(finding.ruleId, mildest);
    if (compareSeverity(finding.severity, known[mildest].severity) <= 0) return;
    known[mildest] = finding;
    this.#mildest.delete(finding.ruleId);
  }

  unreadable(file: string, reason: string): void {
    if (this.#unreadable.length < maxListed) this.#unreadable.push({ file, reason });
  }

  artifact(artifact: Artifact): void {
    if (this.#artifacts.length < maxListed) this.#artifacts.push({ ...artifact, facts: sayable(artifact.facts) });
  }

  use(use: Use): void {
    const way = use.trigger === 'none' || use.trigger === 'inference' ? use.trigger : 'other';
    const key = `${use.kind} ${use.name} ${way} ${use.isRequestControlled}`;
    if (this.#uses.has(key)) return;
    if (this.#uses.size < maxUses) this.#uses.set(key, use);
    else if (!this.#usesAreCut) {
      // What is not told is not judged.
      this.#usesAreCut = true;
      this.unreadable(use.location.file, `it uses more than ${maxUses} different things`);
    }
  }

  takeExpanded(bytes: number, file: string): void {
    this.#expandedBytes += bytes;
    if (this.#expandedBytes > this.limits.maxExpandedBytes) {
      throw new AirlockError('MODEL_INVALID', {
        message: `${file} and what was unpacked before it grow beyond ${this.limits.maxExpandedBytes} bytes`,
      });
    }
  }

  takeFile(file: string): void {
    if (++this.#files <= this.limits.maxFiles) return;
    throw new AirlockError('MODEL_INVALID', { message: `${file}: there are more than ${this.limits.maxFiles} files` });
  }

  progress(bytes: number): void {
    this.#onProgress(bytes);
  }

  result(): ScanResult {
    return {
      artifacts: this.#artifacts,
      unreadable: this.#unreadable,
      findings: [...this.#findings.values()].flat(),
      leftOut: this.#leftOut,
      uses: [...this.#uses.values()],
      ...(this.#cost === undefined ? {} : { cost: this.#cost }),
    };
  }
}
